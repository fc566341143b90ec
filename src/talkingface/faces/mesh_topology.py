"""Names for the points of MediaPipe's 478-point face mesh (468 of the surface, 10 of the irises).

"Left" and "right" are the viewer's, so that x grows from left to right in an unmirrored picture.
The refinement tables say which mesh points the attention heads of the network replace (MediaPipe's
``face_landmark_with_attention`` graph, Apache-2.0).
"""

from __future__ import annotations

SURFACE_POINTS = 468
MESH_POINTS = 478

EYE_LEFT_CORNERS = (33, 133)
EYE_RIGHT_CORNERS = (362, 263)
MOUTH_LEFT_CORNER = 61
MOUTH_RIGHT_CORNER = 291
NOSE_TIP = 4
NOSE_BASE = 2
UPPER_LIP_MIDDLE = 13
CHIN = 152
FOREHEAD = 10

LIPS_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
LIPS_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
# rings between the outer and the inner contour: what separates lip skin that stretches from lip skin that rolls
LIPS_MIDDLE_OUTER = (76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306, 307, 320, 404, 315, 16, 85, 180, 90, 77)
LIPS_MIDDLE_INNER = (62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292, 325, 319, 403, 316, 15, 86, 179, 89, 96)
# the middle fifth of the inner contour, upper and lower, in the same order
INNER_UPPER_MIDDLE = (81, 82, 13, 312, 311)
INNER_LOWER_MIDDLE = (178, 87, 14, 317, 402)

# chin, jaw line and the skin between lips, nose and cheeks: what moves with the mouth
LOWER_FACE = (
    152, 148, 176, 149, 150, 136, 172, 377, 400, 378, 379, 365, 397, 175, 199, 200, 18, 83, 313, 201, 421, 204, 424,
    43, 273, 57, 287, 164, 167, 393, 92, 322, 186, 410, 216, 436, 202, 422, 212, 432,
)  # fmt: skip
# what a mouth network predicts, in this order
MOUTH_POINTS = LIPS_OUTER + LIPS_INNER + LOWER_FACE

# points that move with the skull, not with expression: eye corners, nose bridge, forehead, temples, ear line
STABLE_POINTS = (
    33, 133, 263, 362, 168, 6, 197, 195, 5, 4, 98, 327, 2, 10, 151, 9, 8, 127, 356, 234, 454, 93, 323,
)  # fmt: skip

FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
    136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip

EYE_LEFT_UPPER = (246, 161, 160, 159, 158, 157, 173)
EYE_LEFT_LOWER = (7, 163, 144, 145, 153, 154, 155)
EYE_RIGHT_UPPER = (466, 388, 387, 386, 385, 384, 398)
EYE_RIGHT_LOWER = (249, 390, 373, 374, 380, 381, 382)

REFINED_LIPS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409,
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415,
    76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408,
    62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407,
)  # fmt: skip
REFINED_LEFT_EYE = (
    33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173,
    130, 25, 110, 24, 23, 22, 26, 112, 243, 247, 30, 29, 27, 28, 56, 190,
    226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189,
    35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121, 128, 245, 156, 70, 63, 105, 66, 107, 55, 193,
)  # fmt: skip
REFINED_RIGHT_EYE = (
    263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398,
    359, 255, 339, 254, 253, 252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414,
    446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442, 441, 413,
    265, 353, 276, 283, 282, 295, 372, 340, 346, 347, 348, 349, 350, 357, 465, 383, 300, 293, 334, 296, 336, 285, 417,
)  # fmt: skip
LEFT_IRIS = (468, 469, 470, 471, 472)
RIGHT_IRIS = (473, 474, 475, 476, 477)
