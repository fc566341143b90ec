"""The table of weights: what each file is, where it can be had, and what its licence allows.

Nothing here loads more than the standard library. Sizes and hashes are of the released files. A licence that nobody
stated is unknown, not free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from talkingface.errors import OptionError, nearest_names
from talkingface.weights.embedded import EMBEDDED_FILES

EMBEDDED = "embedded"  # the stage of what ships inside the package
NOT_USED = "not used"  # the stage of files that the released programs load and this one does not
_MB = 1_000_000
_SLACK = 64 << 20  # bytes that a file may have beyond twice the released one's
_RELEASE = "https://github.com/vinthony/video-retalking/releases/download/v0.0.1/"
_MIRROR = "https://huggingface.co/camenduru/video-retalking/resolve/main/"
_FAN_SITE = "https://www.adrianbulat.com/downloads/python-fan/"
_FACEXLIB = "https://github.com/xinntao/facexlib/releases/download/"
_FACEXLIB_TERMS = "facexlib: MIT as code; nothing stated of the weights"
_PYIQA = "https://huggingface.co/chaofengc/IQA-PyTorch-Weights/resolve/main/"
_LRS2 = "none stated; trained on LRS2, which is for research only"
_WAV2LIP = "for research and personal use only (its README); trained on LRS2"
_GPEN = "academic and non-commercial use only (GPEN)"


@dataclass(frozen=True)
class CatalogEntry:
    """One set of weights.

    Attributes:
        name: What the verbs and ``store.load`` call it.
        files: File names looked for, the released one first; some with the folder they are expected in.
        network: Its name for ``networks.build``; empty when no torch network of ours reads it.
        size: Bytes of the released file, some rounded; None when not known.
        sha256: Of the released file, or what its hash begins with; None when not known.
        licence: In a few words.
        commercial: Whether the licence allows commercial use; None when nobody says.
        urls: Where the released file can be had, official places first; empty when no direct address is known.
        stage: What needs it.
        help: What it is.
        home: Folder under the checkpoint folder that ``pull`` and ``import`` put it in.
        note: What else to know of getting it; may be empty.
        torch_folder: Folder of torch's own cache that it belongs in instead, where the library that reads it looks;
            empty for most.
    """

    name: str
    files: tuple[str, ...]
    network: str
    size: int | None
    sha256: str | None
    licence: str
    commercial: bool | None
    urls: tuple[str, ...]
    stage: str
    help: str
    home: str = ""
    note: str = ""
    torch_folder: str = ""

    @property
    def released(self) -> str:
        """The released file's name, with the folder it belongs in under the checkpoint folder."""
        return str(PurePosixPath(self.home, self.files[0]))

    @property
    def embedded(self) -> bool:
        """Whether it ships inside the package."""
        return self.stage == EMBEDDED

    @property
    def commercial_word(self) -> str:
        """``yes``, ``no`` or ``unknown``."""
        return "unknown" if self.commercial is None else "yes" if self.commercial else "no"

    @property
    def largest(self) -> int | None:
        """Bytes that a file of these weights cannot have more of; None when the released one's are not known."""
        return None if self.size is None else 2 * self.size + _SLACK

    def matches(self, digest: str) -> bool | None:
        """Whether a SHA-256 is the released file's; None when that is not known."""
        return None if self.sha256 is None else digest.startswith(self.sha256)


def _torch_file(
    name: str,
    file: str,
    network: str,
    size: float,
    licence: str,
    commercial: bool | None,
    urls: tuple[str, ...],
    stage: str,
    help: str,
    sha256: str | None = None,
    home: str = "",
    note: str = "",
) -> CatalogEntry:
    """An entry whose file is one of torch, and which is also taken as safetensors; ``size`` is in MB."""
    files = (file, str(PurePosixPath(file).with_suffix(".safetensors")))
    return CatalogEntry(
        name, files, network, round(size * _MB), sha256, licence, commercial, urls, stage, help, home, note
    )


def _from_release(file: str) -> tuple[str, ...]:
    return _RELEASE + file, _MIRROR + file


_TORCH_FILES = (
    _torch_file(
        "DNet", "DNet.pt", "DNet", 180, "none stated", None, _from_release("DNet.pt"), "canonicalise",
        "D-Net: makes every frame's expression the same (VideoReTalking)",
    ),
    _torch_file(
        "LNet", "LNet.pth", "LNet", 1530, _LRS2, False, _from_release("LNet.pth"), "speak",
        "L-Net: speaks the lips at 96 x 96 (VideoReTalking)",
        sha256="7ae06fef0454c421b828cc53e8d4b9c92d990867a858ea7bb9661ab6cf6ab774",
    ),
    _torch_file(
        "ENet", "ENet.pth", "ENet", 573, _LRS2, False, _from_release("ENet.pth"), "refine",
        "E-Net: enlarges L-Net's face four times (VideoReTalking); needs LNet.pth as well",
        sha256="967ee3ed857619cedd92b6407dc8a124cbfe763cc11cad58316fe21271a8928f",
    ),
    _torch_file(
        "Deep3DRecon", "face3d_pretrain_epoch_20.pth", "Deep3DRecon", 289,
        "code MIT; nothing stated of the weights, made with the Basel Face Model (non-commercial)", None,
        _from_release("face3d_pretrain_epoch_20.pth"), "canonicalise",
        "Deep3DFaceRecon: 3DMM coefficients of a face",
    ),
    _torch_file(
        "GPEN512", "GPEN-BFR-512.pth", "GPEN512", 284, _GPEN, False, _from_release("GPEN-BFR-512.pth"), "refine",
        "GPEN: restores the face (best, or --enhancer gpen)",
    ),
    _torch_file(
        "ParseNet512", "ParseNet-latest.pth", "ParseNet512", 85, f"part of the GPEN bundle: {_GPEN}", False,
        _from_release("ParseNet-latest.pth"), "refine", "ParseNet: 19 regions of a face",
    ),
    _torch_file(
        "RetinaFaceR50", "RetinaFace-R50.pth", "RetinaFaceR50", 109,
        f"part of the GPEN bundle: {_GPEN}; its origin, Pytorch_Retinaface, is MIT", False,
        _from_release("RetinaFace-R50.pth"), "released preparation", "RetinaFace: boxes and five points of faces",
    ),
    _torch_file(
        "GFPGANv1Clean512", "GFPGANv1.3.pth", "GFPGANv1Clean512", 349,
        "Apache-2.0; trained on FFHQ, whose terms are non-commercial (CC BY-NC-SA 4.0)", None,
        ("https://github.com/TencentARC/GFPGAN/releases/download/v1.3.0/GFPGANv1.3.pth",
         *_from_release("GFPGANv1.3.pth")),
        "refine", "GFPGAN 1.3: restores the mouth region",
        sha256="c953a88f2727c85c3d9ae72e2bd4846bbaf59fe6972ad94130e23e7017524a70",
    ),
    _torch_file(
        "GANimation", "30_net_gen.pth", "GANimation", 33.9, "code MIT; nothing stated of the weights", None,
        _from_release("30_net_gen.pth"), "emotion", "GANimation: emotion of the upper face by action units",
        sha256="4db83e1727128e2c5de27bc80d2929586535e04a709af45016a63e7cf7c46b0c",
    ),
    _torch_file(
        "S3FD", "s3fd-619a316812.pth", "S3FD", 90, "none stated; the code around it is BSD-3", None,
        (_FAN_SITE + "s3fd-619a316812.pth",), "released preparation",
        "S3FD: boxes of faces, as the released program finds them", sha256="619a316812",
    ),
    _torch_file(
        "FAN4", "2DFAN4-cd938726ad.zip", "FAN4", 95, "none stated; the code around it is BSD-3", None,
        (_FAN_SITE + "2DFAN4-cd938726ad.zip",), "released preparation",
        "FAN: 68 points of a face, as the released program finds them", sha256="cd938726ad",
    ),
    _torch_file(
        "SyncNet", "syncnet_v2.model", "SyncNet", 54.6, "none stated; released for research by Oxford's VGG", None,
        ("https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model",), "scores lse_c, lse_d, av_offset",
        "SyncNet v2: do these lips and this sound belong together?", home="LSE",
    ),
    _torch_file(
        "Wav2Lip", "wav2lip.pth", "Wav2Lip", 436, _WAV2LIP, False, (), "model wav2lip",
        "Wav2Lip's generator: the most accurate lips",
        note="its authors gave it out by cloud folders only; github.com/Rudrabha/Wav2Lip tells where",
    ),
    _torch_file(
        "Wav2LipGAN", "wav2lip_gan.pth", "Wav2Lip", 436, _WAV2LIP, False, (), "model wav2lip",
        "Wav2Lip's generator trained against a discriminator: better looking, slightly less accurate",
        note="its authors gave it out by cloud folders only; github.com/Rudrabha/Wav2Lip tells where",
    ),
    _torch_file(
        "Wav2LipSyncNet", "lipsync_expert.pth", "Wav2LipSyncNet", 197, _WAV2LIP, False, (), "training of wav2lip",
        "Wav2Lip's sync expert",
        note="its authors gave it out by cloud folders only; github.com/Rudrabha/Wav2Lip tells where",
    ),
    _torch_file(
        "Wav2LipDisc", "visual_quality_disc.pth", "Wav2LipDisc", 169, _WAV2LIP, False, (), "training of wav2lip",
        "Wav2Lip's discriminator",
        note="its authors gave it out by cloud folders only; github.com/Rudrabha/Wav2Lip tells where",
    ),
)  # fmt: skip

_OTHER_FILES = (
    CatalogEntry(
        "StandardLandmarks", ("BFM/similarity_Lm3D_all.mat", "similarity_Lm3D_all.mat"), "", 994, None,
        "made from the Basel Face Model (non-commercial)", None, (), "canonicalise",
        "68 points of a standard face, for aligning (994 bytes; the rest of BFM.zip is not read)",
        note=f"it lies in {_RELEASE}BFM.zip (405 MB): take this one file out of it",
    ),
    CatalogEntry(
        "ExpressionTemplates", ("expression.mat",), "", None, None, "none stated", None,
        _from_release("expression.mat"), "canonicalise",
        "the expressions neutral and smile as 3DMM coefficients",
    ),
    CatalogEntry(
        "Dlib68", ("shape_predictor_68_face_landmarks.dat",), "", round(99.7 * _MB), None,
        "trained on iBUG 300-W: no commercial use", False,
        _from_release("shape_predictor_68_face_landmarks.dat"), NOT_USED,
        "dlib's 68 points; the shared face tracks take their place",
    ),
    CatalogEntry(
        "FacexlibRetinaFace", ("detection_Resnet50_Final.pth",), "", 109 * _MB, None, _FACEXLIB_TERMS, None,
        (_FACEXLIB + "v0.1.0/detection_Resnet50_Final.pth",), NOT_USED,
        "the released program's second RetinaFace",
    ),
    CatalogEntry(
        "FacexlibParseNet", ("parsing_parsenet.pth",), "", 85 * _MB, None, _FACEXLIB_TERMS, None,
        (_FACEXLIB + "v0.2.2/parsing_parsenet.pth",), NOT_USED,
        "the released program's second ParseNet",
    ),
    CatalogEntry(
        "ArcFace", ("arcface/w600k_r50.onnx",), "", None, None,
        "InsightFace's models are for non-commercial research only", False, (), "score csim_arcface",
        "ArcFace, ResNet-50 trained on WebFace600K",
        note="it lies in InsightFace's archive buffalo_l.zip",
    ),
    CatalogEntry(
        "AlexNet", ("alexnet-owt-7be5be79.pth",), "", None, "7be5be79", "torchvision: BSD-3; trained on ImageNet", None,
        ("https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",), "scores mouth_lpips, face_lpips",
        "AlexNet, below LPIPS", torch_folder="checkpoints",
    ),
    CatalogEntry(
        "Inception", ("inception/weights-inception-2015-12-05-6726825d.pth",), "", None, "6726825d",
        "Apache-2.0; trained on ImageNet", None,
        ("https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",),
        "score fid", "Inception v3 as FID wants it",
    ),
    CatalogEntry(
        "I3D", ("i3d/i3d_pretrained_400.pt",), "", None, None, "none stated; trained on Kinetics-400", None,
        ("https://github.com/songweige/TATS/raw/main/tats/fvd/i3d_pretrained_400.pt",), "score fvd",
        "I3D as FVD wants it",
    ),
    *(
        CatalogEntry(
            name, (file,), "", None, None, "not looked up", None,
            (_PYIQA + file,), f"score {score}", f"{name} as pyiqa wants it", torch_folder="pyiqa",
        )
        for name, score, file in (
            ("NIQE", "niqe", "niqe_modelparameters.mat"),
            ("BRISQUE", "brisque", "brisque_svm_weights.pth"),
            ("MUSIQ", "musiq", "musiq_koniq_ckpt-e95806b9.pth"),
        )
    ),
)  # fmt: skip

_OWN = "not cleared for commercial use: see MODEL_CARD.md"
_ABOUT_EMBEDDED: dict[str, tuple[str, bool | None, str]] = {
    "face_detector_short.onnx": ("Apache-2.0 (MediaPipe)", True, "boxes of near faces"),
    "face_detector_full.onnx": ("Apache-2.0 (MediaPipe)", True, "boxes of faces, near and far"),
    "face_mesh_attention.onnx": ("Apache-2.0 (MediaPipe)", True, "478 points of a face"),
    "face_identity.onnx": ("public domain / CC0 1.0 (dlib)", True, "who a face is, as 128 numbers"),
    "mouth_motion.onnx": (_OWN, False, "sound to mouth geometry"),
    "inner_mouth.onnx": (_OWN, False, "what lies between lips that a picture shows closed"),
    "mouth_shape.npz": (_OWN, False, "generic face, closing direction, statistics of openings"),
    "speech_embedding.onnx": ("Apache-2.0 (Google)", True, "what a moment of speech sounds like"),
    "sync_expert.onnx": (_OWN, False, "does this sound belong to this mouth?"),
    "sync_judge.onnx": (_OWN, False, "the same question, for scoring alone"),
}


def _embedded(file: str) -> CatalogEntry:
    licence, commercial, text = _ABOUT_EMBEDDED[file]
    return CatalogEntry(file, (file,), "", None, None, licence, commercial, (), EMBEDDED, text)


CATALOG: Mapping[str, CatalogEntry] = {
    entry.name: entry for entry in (*_TORCH_FILES, *_OTHER_FILES, *map(_embedded, EMBEDDED_FILES))
}


def catalog_entry(name: str) -> CatalogEntry:
    """An entry by its name, or by the name of one of its files; capitals do not matter.

    Raises:
        OptionError: there is none; the message names the nearest.
    """
    if name in CATALOG:
        return CATALOG[name]
    wanted = name.lower()
    for entry in CATALOG.values():
        names = {
            entry.name.lower(),
            *(part.lower() for file in entry.files for part in (file, PurePosixPath(file).name)),
        }
        if wanted in names:
            return entry
    raise OptionError(f"there are no weights {name!r}; {nearest_names(name, CATALOG)}")
