"""What a check came to, in plain words of the reader's language: reasons, rates, what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from visavis.quality.advice import GUIDES
from visavis.report.words import compared, shares, times
from visavis.service.pages.languages import marked as _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from visavis.decision.verdict import Evidence, Liveness, Reason, Verdict
    from visavis.quality.assessed import Assessed
    from visavis.service.pages.languages import Language


ABOUT: Mapping[str, str] = {
    "probe": _("Picture of the face"),
    "reference": _("Reference picture"),
    "picture": _("Picture"),
    "document": _("Document"),
    "first document": _("First document"),
    "second document": _("Second document"),
    "comparison": _("Comparison"),
}

NO_FACE = _("No face was found. Use a picture that shows one whole face from the front, in even light.")
SEVERAL_FACES = _("There are several faces of about the same size. Let only one person be on the picture.")
SMALL = _("The face is too small. Come closer, or use a picture with more pixels.")
DOUBTFUL = _(
    "It is not certain that this is a face. Use a sharper picture of the uncovered face, from the front."
)
CUT = _("The edge of the picture cuts the face. Use a picture that shows the whole head.")
POINTS = _(
    "Eyes, nose and mouth can’t be told for certain. Use a picture from the front, with nobody close "
    "beside the face."
)
QUALITY_UNKNOWN = _(
    "How good the picture is could not be found out. Use a picture that shows the whole face from the front."
)
NO_PORTRAIT = _(
    "No portrait was found on the document. Use a sharp picture of the side that carries it, without glare."
)
SEVERAL_DOCUMENTS = _("The pictures seem to be of several documents. Give pictures of one document only.")
CHIP_FAILED = _(
    "The chip failed a check of its signature: its data may have been changed. Do not rely on the "
    "chip, and look at the document closely."
)
EXPIRED = _("The document has expired. Ask for one that is valid.")

REASONS: Mapping[str, str] = {
    "no_face": NO_FACE,
    "no_face_in_box": NO_FACE,
    "several_faces": SEVERAL_FACES,
    "face_too_small": SMALL,
    "face_doubtful": DOUBTFUL,
    "landmarks_doubtful": POINTS,
    "face_cut": CUT,
    "face_small": _(
        "The face has few pixels, and such pictures match less often. A larger picture gives a surer answer."
    ),
    "turned": _("The picture was turned to bring the face upright."),
    "other_faces": _("Another face on the picture was left out. Check that the right one was taken."),
    "quality_low": _(
        "The picture is not as good as the rule of this desk asks for. Take another one: straight, "
        "sharp, in even light."
    ),
    "quality_not_assessed": QUALITY_UNKNOWN,
    "presentation_attack": _(
        "The picture may show a print, a screen or a mask and no living person. Look at the person, "
        "and take the picture anew in even light."
    ),
    "liveness_not_assessed": _(
        "Whether a living person was there could not be found out. Take the picture with the camera, "
        "and follow what it asks for."
    ),
    "liveness_of_another": _(
        "The person who followed the camera’s instructions is not the one on the picture. Take the "
        "picture of the same person."
    ),
    "references_differ": _("The reference pictures don’t match each other. Use pictures of one person only."),
    "no_portrait": NO_PORTRAIT,
    "two_portraits": _(
        "There are several faces of about the same size, and each could be the portrait. Photograph "
        "the document alone."
    ),
    "several_documents": SEVERAL_DOCUMENTS,
    "no_mrz": _(
        "The lines of letters at the lower edge were not found. Use a sharp picture of the side that "
        "carries them, without glare or fingers on them."
    ),
    "mrz_invalid": _(
        "A check digit in the lines of letters is wrong: something was misread, or it is wrong on the "
        "document. Use a sharper picture, and compare the fields with the document."
    ),
    "page_cut": _("The picture does not show the whole page. Use one that shows its four corners."),
    "chip_failed": CHIP_FAILED,
    "chip_not_authenticated": _(
        "Who signed the chip’s data could not be shown, for a certificate is missing. What the chip "
        "says is not vouched for."
    ),
    "chip_mrz_invalid": _("What the chip holds as lines of letters has wrong check digits."),
    "chip_of_another_document": _(
        "The chip is that of another document than the page. Read the chip of the document that is shown."
    ),
    "chip_differs": _("Page and chip say different things. Compare the fields with the document."),
    "fields_differ": _("Page and chip say different things. Compare the fields with the document."),
    "chip_not_used": _(
        "The portrait on the chip does not count, for the chip’s signature could not be relied on."
    ),
    "portraits_differ": _(
        "The portraits on the document don’t match each other. Look at the document closely."
    ),
    "expired": EXPIRED,
    "document_expired": EXPIRED,
    "birth_in_future": _("The date of birth lies in the future. Compare it with the document."),
    "expiry_unknown": _(
        "No date of expiry could be read, and the rule of this desk asks for one. Photograph the "
        "document again, or give its chip."
    ),
    "threshold_modelled": _(
        "The threshold comes from a model: the false match rate of this desk is finer than could be measured."
    ),
}
"""By code: what happened and what to do, for what `ABOUT` names."""

QUALITY_LOW = _("The picture is not as good as the rule of this desk asks for.")
STRAIGHT = _("Look straight into the camera.")
MORE_LIGHT = _("Add light from the front.")
LESS_LIGHT = _("Use less light, and avoid glare and flash.")
EVEN_LIGHT = _("Let the light come from the front, so that both cheeks are lit.")
CLOSER, FARTHER = _("Come closer to the camera."), _("Move away from the camera.")
BESIDE, ABOVE, BELOW = (
    _("Leave more room beside the head."),
    _("Leave more room above the head."),
    _("Leave more room below the chin."),
)
SHARPER = _("Hold camera and head still, let the camera focus on the face, and wipe the lens.")
PLAIN = _("Show eyes, nose and mouth plainly: uncovered, straight, and lit from the front.")
WHOLE = _("Bring the whole face into the picture.")

ADVICE: Mapping[str, str | tuple[str, str]] = {
    "unified_score": _("Take another one: straight, sharp, in even light."),
    "illumination_uniformity": EVEN_LIGHT,
    "luminance_mean": (MORE_LIGHT, LESS_LIGHT),
    "luminance_variance": (MORE_LIGHT, EVEN_LIGHT),
    "under_exposure_prevention": MORE_LIGHT,
    "over_exposure_prevention": LESS_LIGHT,
    "dynamic_range": MORE_LIGHT,
    "natural_colour": _("Use daylight or white light, and no filter."),
    "single_face_present": _("Let nobody else be on the picture."),
    "inter_eye_distance": CLOSER,
    "left_crop": BESIDE,
    "right_crop": BESIDE,
    "pose_yaw": STRAIGHT,
    "pose_pitch": (_("Lower the chin, or raise the camera."), _("Raise the chin, or lower the camera.")),
    "pose_roll": _("Hold head and camera upright."),
    "estimated_head_size": (CLOSER, FARTHER),
    "estimated_margin_above": ABOVE,
    "estimated_margin_below": BELOW,
    "sharpness_proxy": SHARPER,
    "coarse_detail": SHARPER,
    "grain_prevention": MORE_LIGHT,
    "directional_detail": SHARPER,
    "face_on_photo": WHOLE,
    "detection_confidence": PLAIN,
    "placement_confidence": PLAIN,
}
"""What to do where a component of the quality is too low; of two the second where its value is too high."""

FILES: Mapping[str, str] = {
    "photo.empty": _("This file is empty. Choose another one."),
    "photo.too_small": _("This picture is too small. Use one with more pixels."),
    "photo.too_large": _("This picture is too large. Use one with fewer pixels."),
    "photo.format": _("This file is not a picture that can be read. Use JPEG, PNG, WebP, TIFF, BMP or HEIC."),
    "photo.": _("This picture is damaged or incomplete. Take it again, or choose another file."),
    "document.count": _("These are too many pictures of one document. Give its front and its back."),
    "document.pdf": _("This PDF can’t be read. Give pictures of the document in its place."),
    "document.": _("The document can’t be read. Give other pictures of it."),
    "chip.empty": _(
        "There are no files of a chip in this archive. It has to hold EF.DG1, EF.DG2 and EF.SOD."
    ),
    "chip.too_large": _("This archive is larger than any chip. Give the chip’s files and nothing else."),
    "chip.unsupported": _("This chip has a form that can’t be read yet. Use the printed page alone."),
    "chip.": _("The chip’s files are damaged, or this is no zip archive. Read the chip again."),
}
"""By code, or what it begins with: why a file can't be used."""

FIELDS: Mapping[str, str] = {
    "document_code": _("Kind of document"),
    "issuing_state": _("Issuing state"),
    "surname": _("Surname"),
    "given_names": _("Given names"),
    "document_number": _("Document number"),
    "nationality": _("Nationality"),
    "date_of_birth": _("Date of birth"),
    "sex": _("Sex"),
    "date_of_expiry": _("Date of expiry"),
    "personal_number": _("Personal number"),
    "optional_data": _("Optional data"),
    "optional_data_2": _("Further optional data"),
    "department": _("Department"),
    "office": _("Office"),
    "date_of_issue": _("Date of issue"),
}
FORMS: Mapping[str, str] = {
    "TD1": _("Card with three lines of letters"),
    "TD2": _("Card or paper with two lines of letters"),
    "TD3": _("Passport"),
    "MRVA": _("Visa"),
    "MRVB": _("Small visa"),
    "FRA": _("French identity card, 1988 to 2021"),
}
STAGES: Mapping[str, str] = {
    "hashes": _("The data are those that were signed"),
    "signature": _("The signature fits"),
    "chain": _("The signer is vouched for by a state"),
    "state": _("That state issued the document"),
    "revocation": _("The signer was not revoked"),
}
OUTCOMES: Mapping[str, str] = {"passed": _("passed"), "failed": _("failed"), "not done": _("not done")}
LIVE: Mapping[str, str] = {
    "live": _("A living person was there, as far as can be told."),
    "attack": _("This may be a print, a screen or a mask."),
    "not assessed": _("Whether a living person was there was not found out."),
}
ACTIONS: Mapping[str, str] = {
    "straight": _("Look straight at the camera"),
    "left": _("Turn your head to your left, and back"),
    "right": _("Turn your head to your right, and back"),
    "closer": _("Come closer to the camera, and back"),
    "colour": _("Look at the screen"),
}
"""What a challenge asks for."""


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that is said of a check.

    Attributes:
        about: What it is about.
        text: What was found, and what to do.
        decisive: Whether nothing was decided because of it.
    """

    about: str
    text: str
    decisive: bool


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language.

    Attributes:
        language: The language.
    """

    language: Language

    # Reasons

    def reasons(self, reasons: Iterable[Reason], seen: Mapping[str, Evidence] | None = None) -> list[Said]:
        """Reasons and remarks, those that decide first, none twice.

        Args:
            reasons: In any order.
            seen: By what reasons are about: what was found on that picture, for advice that fits it.
        """
        seen = seen or {}
        ordered = sorted(reasons, key=lambda each: not each.decisive)
        return list(dict.fromkeys(self.reason(each, seen.get(each.about)) for each in ordered))

    def reason(self, reason: Reason, seen: Evidence | None = None) -> Said:
        """One reason; one that nobody foresaw in the words of the engine."""
        text = REASONS.get(reason.code)
        told = f"{reason.message[:1].upper()}{reason.message[1:]}." if text is None else self._say(text)
        if reason.code == "quality_low" and seen is not None and seen.quality is not None:
            told = self.advice(seen.quality)
        about, _, number = reason.about.partition(" ")
        if not number.isdigit():
            about, number = reason.about, ""
        label = self._say(ABOUT[about]) if about in ABOUT else about
        return Said(f"{label} {number}".strip(), told, reason.decisive)

    def advice(self, quality: Assessed) -> str:
        """What to do about a picture that isn't as good as was asked."""
        found = []
        for short in quality.shortfalls:
            advice, centre = ADVICE.get(short.component.name, ""), GUIDES[short.component.name].centre
            if isinstance(advice, tuple):
                advice = advice[
                    short.component.native is not None and short.component.native > (centre or 0.0)
                ]
            found.append(self._say(advice) if advice else "")
        return " ".join(dict.fromkeys(filter(None, [self._say(QUALITY_LOW), *found])))

    def unusable(self, code: str) -> str | None:
        """Why a file can't be used; None where the code is of something else."""
        text = next(
            (
                text
                for found, text in FILES.items()
                if code == found or (found[-1] == "." and code.startswith(found))
            ),
            None,
        )
        return None if text is None else self._say(text)

    # Names

    def field(self, name: str) -> str:
        """A field of a machine-readable zone."""
        return self._named(FIELDS, name)

    def form(self, name: str) -> str:
        """A form of document."""
        return self._named(FORMS, name)

    def stage(self, name: str) -> str:
        """A stage of the authentication of a chip."""
        return self._named(STAGES, name)

    def outcome(self, name: str) -> str:
        """What a stage came to."""
        return self._named(OUTCOMES, name)

    def live(self, liveness: Liveness) -> str:
        """Whether a living person was there."""
        return self._named(LIVE, liveness.outcome)

    def action(self, name: str) -> str:
        """What a step of a challenge asks of a person."""
        return self._named(ACTIONS, name)

    # Numbers

    def similarity(self, verdict: Verdict) -> tuple[str, str]:
        """Similarity and threshold as they are written here; the first is empty where there is none."""
        found = compared(verdict.similarity, verdict.threshold)
        digits = max(len(each.partition(".")[2]) for each in found)
        similarity = "" if verdict.similarity is None else self.language.number(verdict.similarity, digits)
        return similarity, self.language.number(verdict.threshold, digits)

    def sure(self, confidence: float) -> str:
        """A confidence in percent; never 100 where it is less."""
        return self.language.percent(int(100 * confidence) / 100)

    def one_in(self, rate: float) -> str:
        """A rate as "1 in 10,000", never rounded to a lower one."""
        share, of = shares(rate)
        number = self.language.number
        return self.language.gettext("%(share)s in %(of)s", share=number(share), of=number(of))

    def rate(self, fmr: float | None, upper: float | None) -> str:
        """The false match rate at a similarity, or the bound where the data gives no more."""
        gettext = self.language.gettext
        if upper is None:
            return gettext("unknown")
        if fmr is None:
            return gettext("rarer than %(rate)s", rate=self.one_in(upper))
        if fmr >= 1:
            return gettext("not rare: the similarity lies below the range that was measured")
        if upper >= 1:
            return self.one_in(fmr)
        return gettext("%(rate)s, at most %(upper)s", rate=self.one_in(fmr), upper=self.one_in(upper))

    def rate_means(self, verdict: Verdict) -> str:
        """What the false match rate says, in a sentence."""
        gettext = self.language.gettext
        if verdict.fmr is not None and verdict.fmr < 1:
            return gettext(
                "So many comparisons of two different people come out at least as alike: %(rate)s.",
                rate=self.one_in(verdict.fmr),
            )
        if verdict.fmr is None and verdict.fmr_upper is not None:
            return gettext(
                "Two different people came out as alike as this too rarely to be counted: in fewer "
                "than %(rate)s comparisons.",
                rate=self.one_in(verdict.fmr_upper),
            )
        return gettext("Many comparisons of two different people come out as alike as this.")

    def threshold_means(self, verdict: Verdict) -> str:
        """What the threshold says, in a sentence."""
        gettext, rate = self.language.gettext, self.one_in(verdict.policy.fmr)
        if verdict.threshold_modelled:
            return gettext(
                "From here on it is a match. A model puts it where %(rate)s comparisons of different "
                "people would pass.",
                rate=rate,
            )
        return gettext(
            "From here on it is a match. It is set so that at most %(rate)s comparisons of different "
            "people pass.",
            rate=rate,
        )

    def likelihood(self, verdict: Verdict) -> str:
        """What the likelihood ratio says, in a sentence; empty where there is none."""
        gettext = self.language.gettext
        if verdict.llr is None:
            return ""
        ratio = times(verdict.llr)
        if ratio < 1.1:
            return gettext("About as likely if the pictures show one person as if they show two.")
        number = self.language.number(ratio)
        if verdict.llr > 0 and verdict.llr_is_bound:
            return gettext(
                "At least %(times)s times likelier if the pictures show one person than if they show two.",
                times=number,
            )
        if verdict.llr > 0:
            return gettext(
                "%(times)s times likelier if the pictures show one person than if they show two.",
                times=number,
            )
        if verdict.llr_is_bound:
            return gettext(
                "At least %(times)s times likelier if the pictures show two people than if they show one.",
                times=number,
            )
        return gettext(
            "%(times)s times likelier if the pictures show two people than if they show one.", times=number
        )

    # The verdict

    def meaning(self, verdict: Verdict) -> str:
        """What a decision says, and not more than it says."""
        gettext = self.language.gettext
        if verdict.decision == "match":
            return gettext(
                "By the rule of this desk the two pictures show the same person. Of comparisons of "
                "different people, %(rate)s pass this rule.",
                rate=self.one_in(verdict.policy.fmr),
            )
        if verdict.decision == "no_match":
            return gettext(
                "The two pictures are less alike than the rule of this desk asks for. This does not "
                "prove that they show different people."
            )
        return gettext(
            "Nothing is said about whether the pictures show the same person. The reasons are below, "
            "with what to do."
        )

    def next(self, verdict: Verdict) -> str:
        """What to do with it."""
        gettext = self.language.gettext
        if verdict.decision == "match":
            return gettext(
                "Look at the two pictures yourself once more. Then go on with what the check was for."
            )
        if verdict.decision == "no_match":
            return gettext(
                "Look at the two pictures yourself. Check again with a new picture in better light "
                "before you turn anybody away."
            )
        return gettext(
            "Do what the reasons say, and check again. Where that is not possible, ask a second person "
            "to look."
        )

    def _say(self, text: str) -> str:
        return self.language.gettext(text)

    def _named(self, names: Mapping[str, str], name: str) -> str:
        return self._say(names[name]) if name in names else name.replace("_", " ").capitalize()
