"""What applies to a verdict: the options of every command that verifies a claim, as one `Policy`."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

from visavis.decision.policy import FACES, NO_FLOORS, Policy

if TYPE_CHECKING:
    from collections.abc import Callable

OPTIONS = (
    click.option(
        "--fmr", type=float, default=Policy().fmr, show_default=True, help="False match rate that you accept."
    ),
    click.option(
        "--extrapolate",
        is_flag=True,
        help="Accept a threshold from a model where --fmr is finer than the data supports.",
    ),
    click.option(
        "--faces",
        type=click.Choice([rule.replace("_", "-") for rule in FACES]),
        default="only",
        show_default=True,
        help="Which face counts where a picture shows several.",
    ),
    click.option(
        "--require-valid-document",
        is_flag=True,
        help="Decide nothing on a document that expired, or whose chip failed or is of another document.",
    ),
    click.option(
        "--quality",
        metavar="PROFILE",
        help="Decide nothing unless the probe meets a profile: selfie, document_portrait or icao_portrait.",
    ),
    click.option(
        "--reference-quality",
        metavar="PROFILE",
        help="Likewise for the reference, or the document's portrait.",
    ),
    click.option(
        "--floor",
        "floors",
        callback=lambda _ctx, _param, values: floors_of(values),
        multiple=True,
        metavar="NAME=SCORE",
        help="The least score of the probe for a component, or as unified_score; in place of the profile's.",
    ),
    click.option(
        "--liveness",
        is_flag=True,
        help="Say whether a live person is on the probe; needs the pack 'pad'.",
    ),
    click.option(
        "--require-liveness", is_flag=True, help="Decide nothing unless a live person is on the probe."
    ),
    click.option(
        "--liveness-threshold",
        type=float,
        metavar="SCORE",
        help="Live from this score on, in place of that which ships with visavis.",
    ),
)


def policy_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a policy, which it takes as ``policy``."""

    @functools.wraps(command)
    def with_policy(
        *given: Any,
        fmr: float,
        extrapolate: bool,
        faces: str,
        require_valid_document: bool,
        quality: str | None,
        reference_quality: str | None,
        floors: dict[str, float],
        liveness: bool,
        require_liveness: bool,
        liveness_threshold: float | None,
        **others: Any,
    ) -> Any:
        if liveness_threshold is not None and not (liveness or require_liveness):
            raise click.UsageError("--liveness-threshold needs --liveness or --require-liveness")
        policy = Policy(
            fmr=fmr,
            faces=faces.replace("-", "_"),
            extrapolate=extrapolate,
            require_valid_document=require_valid_document,
            quality=quality,
            reference_quality=reference_quality,
            floors=floors or NO_FLOORS,
            liveness="require" if require_liveness else "assess" if liveness else "off",
            liveness_threshold=liveness_threshold,
        )
        return command(*given, policy=policy, **others)

    for option in reversed(OPTIONS):
        with_policy = option(with_policy)
    return with_policy


def floors_of(values: tuple[str, ...]) -> dict[str, float]:
    """``NAME=SCORE``: least scores by name.

    Raises:
        BadParameter: One isn't of that form, or there twice.
    """
    floors: dict[str, float] = {}
    for value in values:
        name, _, score = value.partition("=")
        if name in floors:
            raise click.BadParameter(f"give the floor for {name!r} once")
        try:
            floors[name] = float(score)
        except ValueError:
            raise click.BadParameter(f"{value!r} isn't NAME=SCORE, such as unified_score=50") from None
    return floors
