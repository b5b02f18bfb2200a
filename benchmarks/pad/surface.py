"""Surfaces in space before a camera: a relief, a sheet, a screen, each with a picture on it.

Lengths in millimetres. The camera stands at the origin; x runs to the right, y down, z away from it. A
surface's own space has x to the right, y down, and z towards the viewer *negative*, as the camera's, so that
a surface that faces the camera upright needs no turn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

Picture = Floats
"""Height x width x channels, linear light: 1 is white paper in the light of the room."""

WIDTH, HEIGHT = 288, 384
FOCAL = 0.72 * HEIGHT
"""Pixels: about 70 degrees from the upper to the lower edge, as selfie cameras have."""


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Where a surface is: turned by `turn` (3 x 3) about its own origin, which lies at `place` (3)."""

    turn: Floats
    place: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """What a camera sees of a surface, on the part of the frame where it sees it at all.

    Attributes:
        part: Rows and columns of the frame.
        x: Column of the surface's picture that each of their pixels shows, height x width.
        y: Row.
        seen: Share of the pixel that the surface covers, 0 to 1.
    """

    part: tuple[slice, slice]
    x: Picture
    y: Picture
    seen: Picture

    def of(self, picture: Picture) -> Picture:
        """Look a picture on the surface up."""
        return cv2.remap(picture, self.x, self.y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]

    def from_row(self, row: float) -> Maps:
        """What lies below a row of the surface's picture, where that is level on the frame."""
        lower = np.flatnonzero(self.y[:, 0] >= row)
        first = int(lower[0]) if len(lower) else len(self.y) - 1
        rows, columns = self.part
        part = slice(rows.start + first, rows.stop), columns
        return Maps(part, self.x[first:], self.y[first:], self.seen[first:])


def turned(yaw_deg: float, pitch_deg: float = 0.0, roll_deg: float = 0.0) -> Floats:
    """A rotation: positive yaw turns what faces the camera to the camera's right, positive pitch down,
    positive roll clockwise as the camera sees it.
    """  # noqa: D205
    yaw, pitch, roll = (math.radians(each) for each in (yaw_deg, pitch_deg, roll_deg))
    # A face looks along -z: turning it to +x is a turn about y by minus the angle.
    about_y = [[math.cos(yaw), 0, -math.sin(yaw)], [0, 1, 0], [math.sin(yaw), 0, math.cos(yaw)]]
    about_x = [[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]]
    about_z = [[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]]
    turn: Floats = np.array(about_z) @ np.array(about_y) @ np.array(about_x)
    return turn


def project(points: Floats) -> Floats:
    """Points before the camera (... x 3) on the frame (... x 2), pixel centres at whole numbers."""
    middle = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2], dtype=points.dtype)
    return points[..., :2] * (FOCAL / points[..., 2:]) + middle


def plane_maps(size: tuple[int, int], mm_per_px: float, pose: Pose, *, below: bool = False) -> Maps:
    """What the camera sees of a flat picture whose middle is the surface's origin.

    Args:
        size: Width and height of the picture in pixels.
        mm_per_px: How large one of them is.
        pose: Where it is.
        below: Whether it goes on below its lower edge.
    """
    homography = plane_homography(size, mm_per_px, pose)
    corners = np.array([[0, 0, 1], [size[0], 0, 1], [size[0], size[1], 1], [0, size[1], 1]]) @ homography.T
    if corners[:, 2].min() > 0:
        part = _part(corners[:, :2] / corners[:, 2:])
        if below:
            part = (slice(part[0].start, HEIGHT), slice(0, WIDTH))
    else:
        part = (slice(0, HEIGHT), slice(0, WIDTH))
    back = np.linalg.inv(homography).astype(np.float32)
    column = np.arange(part[1].start, part[1].stop, dtype=np.float32)[None]
    row = np.arange(part[0].start, part[0].stop, dtype=np.float32)[:, None]
    x, y, w = (line[0] * column + line[1] * row + line[2] for line in back)
    x, y = x / w, y / w
    margin = np.minimum(np.minimum(x, size[0] - 1 - x), np.minimum(y, size[1] - 1 - y))
    step = mm_per_px * FOCAL / float(pose.place[2])  # pixels of the frame for one of the picture
    return Maps(part, x, y, np.clip(margin * step + 0.5, 0, 1))


def _part(places: Floats) -> tuple[slice, slice]:
    """The rows and columns around places on the frame, never none."""
    left, top = np.floor(places.reshape(-1, 2).min(axis=0)) - 2
    right, bottom = np.ceil(places.reshape(-1, 2).max(axis=0)) + 3
    left, top = min(max(0, int(left)), WIDTH - 1), min(max(0, int(top)), HEIGHT - 1)
    right, bottom = max(left + 1, min(WIDTH, int(right))), max(top + 1, min(HEIGHT, int(bottom)))
    return slice(top, bottom), slice(left, right)


def plane_homography(size: tuple[int, int], mm_per_px: float, pose: Pose) -> Floats:
    """The 3 x 3 map from pixels of a flat picture to pixels of the frame."""
    width, height = size
    lens = np.array([[FOCAL, 0, (WIDTH - 1) / 2], [0, FOCAL, (HEIGHT - 1) / 2], [0, 0, 1]])
    move = np.column_stack([pose.turn[:, :2], pose.place])
    centre = np.array(
        [
            [mm_per_px, 0, -mm_per_px * (width - 1) / 2],
            [0, mm_per_px, -mm_per_px * (height - 1) / 2],
            [0, 0, 1],
        ]
    )
    homography: Floats = lens @ move @ centre
    return homography


def splat(
    points: Floats,
    inside: NDArray[np.bool_] | None,
    step: float,
    pose: Pose,
    towards: tuple[int, int],
    first: tuple[float, float] = (0.0, 0.0),
) -> Maps:
    """What the camera sees of a surface that is no plane.

    Each node of a grid on the surface goes to the pixel it is seen at. Nodes are laid in an order in which
    nearer ones come later (McMillan's, for height fields), so that they hide what is behind them. Pixels
    between nodes are filled from their neighbours.

    Args:
        points: rows x columns x 3, in the surface's own space: the nodes.
        inside: rows x columns: which nodes there are; all where it is None.
        step: Pixels of the surface's picture from one node to the next.
        pose: Where it is.
        towards: Signs of the directions across and down that the surface looks to.
        first: Column and row of the surface's picture that the first node lies on.
    """
    rows, columns = points.shape[:2]
    there = project(points @ pose.turn.T.astype(np.float32) + pose.place.astype(np.float32))
    wide = np.gradient(there[..., 0], axis=1)
    high = np.gradient(there[..., 1], axis=0)
    part = _part(there if inside is None else there[inside])
    to = np.rint(there)
    # The node rarely lies on the pixel's middle: what lies there is a part of a step away.
    nominal = float(np.median(np.abs(wide)))
    away = np.clip((to - there) / np.maximum(np.stack([wide, high], -1), 0.35 * nominal), -1.5, 1.5)
    x = (np.arange(columns, dtype=np.float32)[None] + away[..., 0]) * step + first[0]
    y = (np.arange(rows, dtype=np.float32)[:, None] + away[..., 1]) * step + first[1]
    order = (slice(None, None, -1 if towards[1] > 0 else 1), slice(None, None, -1 if towards[0] > 0 else 1))
    top, left, rows_here, columns_here = (
        part[0].start,
        part[1].start,
        *(each.stop - each.start for each in part),
    )
    to = to[order].astype(np.int32) - np.array([left, top], dtype=np.int32)
    x, y = x[order], y[order]
    keep = (wide[order] > 0) & (high[order] > 0)  # what faces away isn't seen
    keep &= (to[..., 0] >= 0) & (to[..., 0] < columns_here) & (to[..., 1] >= 0) & (to[..., 1] < rows_here)
    if inside is not None:
        keep &= inside[order]
    at = (to[..., 1] * columns_here + to[..., 0])[keep]
    laid = np.zeros((rows_here * columns_here, 3), dtype=np.float32)
    laid[at, 0], laid[at, 1], laid[at, 2] = x[keep], y[keep], 1.0
    laid = laid.reshape(rows_here, columns_here, 3)
    for _ in range(2):
        near = cv2.blur(laid, (3, 3))
        fill = (laid[..., 2] == 0) & (near[..., 2] >= 0.3)
        laid[fill] = (near / np.maximum(near[..., 2:], 1e-6))[fill]
    _fill(laid)
    seen = np.where(laid[..., 2] > 0, cv2.blur(laid[..., 2], (3, 3)), np.float32(0))
    return Maps(part, laid[..., 0].copy(), laid[..., 1].copy(), np.asarray(seen, dtype=np.float32))


def _fill(laid: Picture) -> None:
    """Fill what lies between nodes of a row: along a straight line from one to the next, as a mesh would."""
    known = laid[..., 2] > 0
    end = laid.shape[1]
    column = np.arange(end, dtype=np.int32)[None]
    left = np.maximum.accumulate(np.where(known, column, -1), axis=1)
    right = np.minimum.accumulate(np.where(known, column, end)[:, ::-1], axis=1)[:, ::-1]
    gap = ~known & (left >= 0) & (right < end) & (right - left <= WIDEST_GAP)
    row, at = np.nonzero(gap)
    first, last = left[gap], right[gap]
    share = ((at - first) / (last - first))[:, None].astype(np.float32)
    laid[row, at] = laid[row, first] * (1 - share) + laid[row, last] * share


WIDEST_GAP = 48  # pixels


def normals(points: Floats) -> Picture:
    """Unit normals of a grid of nodes, towards the viewer, in the surface's own space."""
    across, down = np.gradient(points, axis=1), np.gradient(points, axis=0)
    normal = np.cross(down, across)
    length = np.linalg.norm(normal, axis=-1, keepdims=True)
    unit: Picture = (normal / np.maximum(length, 1e-9)).astype(np.float32)
    return unit
