"""Answers as Face++ documents them: which keys there are, and of which type; written by us."""

from __future__ import annotations

import re
from typing import Any

RECTANGLE = {"top": int, "left": int, "width": int, "height": int}
THRESHOLDS = {"1e-3": float, "1e-4": float, "1e-5": float}
FACE = {"face_token?": str, "face_rectangle": RECTANGLE}
COMPARED = {
    "request_id": str,
    "time_used": int,
    "confidence?": float,
    "thresholds?": THRESHOLDS,
    "image_id1?": str,
    "image_id2?": str,
    "faces1?": [FACE],
    "faces2?": [FACE],
}
POINT = {"x": int, "y": int}
DETECTED = {
    "request_id": str,
    "time_used": int,
    "image_id": str,
    "faces": [
        {
            **FACE,
            "landmark?": dict.fromkeys(
                (
                    "left_eye_center",
                    "right_eye_center",
                    "nose_tip",
                    "mouth_left_corner",
                    "mouth_right_corner",
                ),
                POINT,
            ),
            "attributes?": {
                "headpose?": {"pitch_angle": float, "roll_angle": float, "yaw_angle": float},
                "facequality?": {"value": float, "threshold": float},
                "blur?": {"blurness": {"value": float, "threshold": float}},
            },
        }
    ],
    "face_num": int,
}
RESULT = {"confidence": float, "thresholds": {**THRESHOLDS, "1e-6": float}}
VERIFIED = {
    "request_id": str,
    "time_used": int,
    "result_ref1?": RESULT,
    "result_ref2?": RESULT,
    "result_ref3?": RESULT,
    "faces?": [FACE],
}
REQUEST_ID = re.compile(r"\d{10},[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
IMAGE_ID = re.compile(r"[A-Za-z0-9+/]{22}==")


def fits(value: Any, shape: Any, where: str = "") -> None:
    """Hold an answer against a shape; what ends with ``?`` may be missing, and nothing may be null."""
    if isinstance(shape, dict):
        assert type(value) is dict, where
        needed = {name for name in shape if not name.endswith("?")}
        known = {name.removesuffix("?") for name in shape}
        assert needed <= value.keys() <= known, f"{where}: {value.keys()}"
        for name, each in value.items():
            fits(each, shape.get(name, shape.get(f"{name}?")), f"{where}.{name}")
    elif isinstance(shape, list):
        assert type(value) is list, where
        for each in value:
            fits(each, shape[0], where)
    else:
        assert type(value) is shape, f"{where}: {value!r}"
    if where.endswith(".request_id"):
        assert REQUEST_ID.fullmatch(value)
    if ".image_id" in where:
        assert IMAGE_ID.fullmatch(value)
    if where.endswith((".confidence", ".value")):
        assert 0 <= value <= 100
        assert value == round(value, 3)
