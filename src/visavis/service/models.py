"""The shapes of requests and answers, as the OpenAPI document tells them.

Answers are built by the library's own `to_dict`; the tests hold these shapes against real ones. A request has
one claimed identity: references of one person, and one probe.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from visavis.documents.pdf import MAX_PAGES
from visavis.liveness.frames import MAX_FRAMES
from visavis.quality.profiles import PROFILES
from visavis.verifier import MAX_REFERENCES

MAX_SUBJECT = 200

Score = Annotated[float, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]
Point = Annotated[list[float], Field(min_length=2, max_length=2)]
Box = Annotated[list[float], Field(min_length=4, max_length=4, description="x, y, width, height in pixels")]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_UNFIT = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
_UNSEEN = r"\s\u00ad\u200b-\u200f\u2060-\u2064\ufeff"
SUBJECT = f"^[^{_UNFIT}]*[^{_UNFIT}{_UNSEEN}][^{_UNFIT}]*$"
"""One line with something to see in it, in the order in which it is written."""
Subject = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_SUBJECT,
        pattern=SUBJECT,
        description="The operator's own reference of the person, never a name. Kept only as salted digest.",
        examples=["applicant-4711"],
    ),
]
Profile = Literal[*PROFILES]  # type: ignore[valid-type]
Pages = Base64Bytes | Annotated[list[Base64Bytes], Field(min_length=1, max_length=MAX_PAGES)]
Decision = Literal["match", "no_match", "inconclusive"]
Outcome = Literal["live", "attack", "not assessed"]


class Asked(BaseModel):
    """What a client sends: nothing that isn't known."""

    model_config = ConfigDict(extra="forbid")


class Rules(Asked):
    """A policy, as far as it differs from the service's own. It may be stricter than that, never laxer."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"fmr": 1e-5}]})

    fmr: Annotated[float, Field(gt=0, le=0.1, description="False match rate that is accepted")] = 1e-4
    faces: Literal["only", "largest_central"] = "only"
    min_inter_eye_px: Annotated[float, Field(ge=0, le=10_000)] = 10.0
    min_confidence: Share = 0.6
    max_disagreement: Annotated[float, Field(ge=0, le=10)] = 0.6
    min_inside: Share = 0.6
    extrapolate: bool = False
    require_valid_document: bool = False
    quality: Profile | None = None
    reference_quality: Profile | None = None
    floors: dict[str, Score] = {}
    liveness: Literal["off", "assess", "require"] = "off"
    liveness_threshold: Annotated[float, Field(gt=0, le=1)] | None = None


# What is asked


class OfSubject(Asked):
    """Whom it is about."""

    subject: Subject | None = None


class Judged(OfSubject):
    """By which rules, and whom it is about."""

    policy: Rules | None = None


class VerificationFields(Judged):
    """What goes with the pictures of a verification."""

    challenge: Annotated[
        str | None,
        Field(pattern="^[0-9a-f]{32}$", description="An answered challenge of the person on the probe"),
    ] = None


class QualityFields(OfSubject):
    """What goes with a picture whose quality is looked at."""

    profile: Profile = "selfie"


class VerificationRequest(VerificationFields):
    """Is the person on the probe the one on the reference, or on the document?"""

    reference: Annotated[
        Base64Bytes | Annotated[list[Base64Bytes], Field(min_length=1, max_length=MAX_REFERENCES)] | None,
        Field(description="A picture, or up to eight of one person; none where a document is given"),
    ] = None
    probe: Annotated[Base64Bytes, Field(description="The picture of the person who makes the claim")]
    page: Annotated[
        Pages | None, Field(description="In place of a reference: pictures of one document, or a PDF")
    ] = None
    chip: Annotated[Base64Bytes | None, Field(description="A zip with the files of the document's chip")] = (
        None
    )


class CrosscheckRequest(Judged):
    """Do two documents belong to one person?"""

    first_page: Pages
    first_chip: Base64Bytes | None = None
    second_page: Pages
    second_chip: Base64Bytes | None = None


class DocumentRequest(OfSubject):
    """What is printed on a document, and on its chip?"""

    page: Pages
    chip: Base64Bytes | None = None


class ChallengeRequest(OfSubject):
    """A challenge for a person before a camera."""


class AnswerFields(OfSubject):
    """What goes with the frames that answer a challenge."""

    times: Annotated[
        list[Annotated[float, Field(ge=-1e9, le=1e9)]],
        Field(
            min_length=1,
            max_length=MAX_FRAMES,
            description="When each frame was taken, in milliseconds since the first step began",
        ),
    ]


class AnswerRequest(AnswerFields):
    """Pictures with their times, in the order that they were taken."""

    frame: Annotated[list[Base64Bytes], Field(min_length=1, max_length=MAX_FRAMES)]


class QualityRequest(QualityFields):
    """Is a picture fit to decide on?"""

    picture: Base64Bytes


# What is answered


class Face(BaseModel):
    """Where a face is, in pixels of the upright full-size picture."""

    box_px: Box
    landmarks_px: dict[str, Point]
    confidence: Share
    inter_eye_px: float
    roll_deg: float
    disagreement: float | None
    inside: Share
    placed_confidence: Share | None


class Component(BaseModel):
    """One component of quality, by ISO/IEC 29794-5 where it has a clause."""

    name: str
    clause: str | None
    native: float | None
    score: Score | None
    problem: str | None


class Shortfall(BaseModel):
    """What lies below its floor, and what to do about it."""

    name: str
    floor: float
    advice: str


class NotAssessed(BaseModel):
    """What has a floor and couldn't be assessed."""

    name: str
    problem: str


class Quality(BaseModel):
    """A face held against what a picture is meant for."""

    profile: str | None
    score: Score | None
    meets: bool | None
    components: list[Component]
    shortfalls: list[Shortfall]
    not_assessed: list[NotAssessed]


class Evidence(BaseModel):
    """What was found on one picture, without a pixel of it."""

    name: str | None
    width: int
    height: int
    format: str
    sha256: Digest
    notes: list[str]
    turned: Literal[0, 90, 180, 270]
    face: Face | None
    others: list[Face]
    quality: Quality | None


class Reason(BaseModel):
    """Why nothing could be decided, or what to keep in mind."""

    code: str
    about: str
    message: str
    decisive: bool


class Check(BaseModel):
    """What one check of an answer to a challenge found."""

    name: str
    score: Share | None
    values: dict[str, float | None]
    why: str


class Active(BaseModel):
    """What the frames that answer a challenge came to."""

    outcome: Outcome
    score: Share | None
    threshold: float
    checks: list[Check]
    problem: str | None
    why: str


class Passive(BaseModel):
    """What two networks made of one picture."""

    outcome: Outcome
    threshold: float
    score: Share
    probabilities: dict[str, list[float]]
    notes: list[str]


class Liveness(BaseModel):
    """Whether a live person was there. It stands beside the decision."""

    outcome: Outcome
    score: Share | None
    threshold: float | None
    why: str
    passive: Passive | None
    active: Active | None


class Calibration(BaseModel):
    """Where error rates come from."""

    origin: str
    digest: Digest
    rule: str
    groups: list[str]
    name: str
    description: str
    people: int
    pictures: int
    impostor_comparisons: int
    genuine_comparisons: int
    without_face: int


class Comparison(BaseModel):
    """Two pictures that were compared beside those that the decision rests on."""

    first: str
    second: str
    similarity: float | None
    fmr: float | None
    fmr_upper: float | None
    match: bool | None


class ZoneField(BaseModel):
    """One field of a machine-readable zone."""

    value: str
    raw: str
    confidence: float
    checked: bool | None


class Zone(BaseModel):
    """A machine-readable zone, as ICAO Doc 9303 defines it."""

    format: str
    lines: list[str]
    valid: bool
    confidence: float
    names_truncated: bool
    fields: dict[str, ZoneField]
    repairs: list[dict[str, Any]]


class Row(BaseModel):
    """A field that two sources have."""

    field: str
    first: str | None
    second: str | None
    outcome: str
    why: str


class Stage(BaseModel):
    """One stage of passive authentication."""

    name: str
    outcome: str
    why: str
    notes: list[str]


class Authenticity(BaseModel):
    """What passive authentication of a chip came to (ICAO Doc 9303-11)."""

    outcome: str
    stages: list[Stage]
    groups: list[str]
    country: str | None
    signed_at: str | None
    certificates_given: bool
    limits: str


class ChipOfPart(BaseModel):
    """What a chip says."""

    mrz: Zone | None
    authenticity: Authenticity | None
    notes: list[str]


class DocumentPart(BaseModel):
    """What was read on a document, and which portrait counts."""

    portrait: Literal["chip", "printed"] | None
    why: str
    mrz: Zone | None
    chip: ChipOfPart | None
    comparisons: list[Comparison]
    fields: list[Row]
    problems: list[Reason]


class Recorded(BaseModel):
    """Where an answer stands in the ledger."""

    origin: str
    index: Annotated[int, Field(ge=0)]


class Verdict(BaseModel):
    """Whether two pictures show one person, by which measure, and how often that measure errs."""

    decision: Decision
    similarity: Annotated[float, Field(ge=-1, le=1)] | None
    fmr: Share | None
    fmr_upper: Share | None
    fmr_modelled: Share | None
    llr: float | None
    llr_is_bound: bool
    threshold: float
    threshold_modelled: bool
    policy: Rules
    pack: str
    fingerprint: str
    calibration: Calibration
    reference: Evidence
    further_references: list[Evidence]
    probe: Evidence
    liveness: Liveness
    document: DocumentPart | None
    reasons: list[Reason]
    ledger: Recorded | None
    timings: dict[str, float]


class Crosscheck(BaseModel):
    """What two documents came to against each other."""

    decision: Decision
    faces: Verdict
    fields: list[Row]
    first: DocumentPart
    second: DocumentPart
    same_picture: str | None
    reasons: list[Reason]
    ledger: Recorded | None
    rule: list[str]


class Answer(BaseModel):
    """What every answer carries beside what was asked for."""

    id: Annotated[str, Field(pattern="^[a-z]+_[0-9a-f]{32}$")]
    answered_at: Annotated[str, Field(description="UTC, RFC 3339")]
    purpose: Annotated[str, Field(description="That of the key")]
    ledger: Recorded
    statement: Annotated[
        str, Field(description="A JWS (EdDSA) of what was decided, with its proof that the ledger has it")
    ]


class VerificationAnswer(Answer):
    """A verdict."""

    verdict: Verdict


class CrosscheckAnswer(Answer):
    """A crosscheck."""

    crosscheck: Crosscheck


class DocumentSide(BaseModel):
    """One picture of a document."""

    name: str | None
    width: int
    height: int
    format: str
    sha256: Digest
    notes: list[str]
    turned: int
    corners_px: list[Point] | None
    corners_confidence: float | None
    portrait_px: Box | None
    mrz: Zone | None
    timings: dict[str, float]


class DocumentPortrait(BaseModel):
    """A face printed on a document."""

    page: int
    face: Face


class ChipPicture(BaseModel):
    """The portrait that a chip holds, without its pixels."""

    width: int
    height: int
    format: str
    sha256: Digest


class DocumentChip(BaseModel):
    """What a document's chip holds."""

    groups: list[str]
    mrz: Zone | None
    mrz_lines: list[str]
    portrait: ChipPicture | None
    authenticity: Authenticity | None
    printed_against_chip: list[Row]
    notes: list[str]


class Document(BaseModel):
    """What was read of one document."""

    name: str | None
    read_at: str
    mrz: Zone | None
    portrait: DocumentPortrait | None
    further_portraits: list[DocumentPortrait]
    ghost: DocumentPortrait | None
    pages: list[DocumentSide]
    chip: DocumentChip | None
    problems: list[Reason]
    notes: list[str]


class DocumentAnswer(Answer):
    """A document."""

    document: Document


class QualityAnswer(Answer):
    """A picture held against a profile."""

    outcome: Literal["meets", "falls_short", "not_assessed"]
    picture: Evidence
    reasons: list[Reason]


class Step(BaseModel):
    """One thing that a challenge asks."""

    action: Literal["straight", "left", "right", "closer", "colour"]
    from_ms: float
    until_ms: float
    colour: list[int] | None
    words: str


class ChallengeDrawn(BaseModel):
    """A challenge to be shown to the person: what to do, and when."""

    id: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    issued_at: str
    expires_at: str
    duration_ms: float
    steps: list[Step]


class ChallengeAnswer(Answer):
    """What the frames that answer a challenge came to."""

    challenge: str
    liveness: Active


class Use(BaseModel):
    """One use of a person's data."""

    index: int
    time: str
    kind: str
    purpose: str | None
    legal_basis: str | None
    key: str | None
    decision: str | None
    fmr: Share | None
    fmr_upper: Share | None
    pack: str | None
    reasons: list[str]
    text: Annotated[str, Field(description="All of it in words")]


class SubjectReport(BaseModel):
    """Every use of a person's data under a reference, within the key's own purpose."""

    subject: str
    made_at: str
    ledger: str
    uses: list[Use]
    kept_until: Annotated[list[str], Field(description="Until when answers about the person are kept")]
    pictures_kept_until: Annotated[
        list[str],
        Field(description="Until when pictures of the person are kept, a time for each check at the desk"),
    ]


class Health(BaseModel):
    """Whether the service works."""

    status: Literal["ok", "failing"]
    failing: list[str]


class About(BaseModel):
    """What answers here."""

    version: str
    pack: str
    fingerprint: str
    calibration: Calibration
    liveness: Annotated[bool, Field(description="Whether pictures can be looked at for presentation attacks")]
    documents: Annotated[bool, Field(description="Whether documents can be read")]
    ledger: Annotated[str, Field(description="Origin of the ledger that answers are recorded in")]
    policy: Annotated[Rules, Field(description="What applies, and what no request may be laxer than")]
    engines: int
    queue: int


class PublicKeys(BaseModel):
    """A set of keys (RFC 7517, RFC 8037)."""

    keys: list[dict[str, str]]


class ProblemDocument(BaseModel):
    """Why a request isn't answered (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:visavis:problem:photo.truncated",
                    "title": "Unprocessable Content",
                    "status": 422,
                    "detail": "the JPEG ends too soon",
                    "code": "photo.truncated",
                    "request_id": "5f0c9f0de7d94dd2a5f6a0e7c0a1b2c3",
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None
    found: str | None = None
    expected: str | None = None
