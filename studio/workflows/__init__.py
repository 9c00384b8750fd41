"""The jobs that people ask for, from the command line and from the studio alike."""

from studio.workflows.full_size import open_face
from studio.workflows.gallery import (
    Face,
    FaceSettings,
    GalleryRequest,
    make_gallery,
    save_latents,
)
from studio.workflows.keeping import Kept, keep_faces
from studio.workflows.mixing import MixRequest, mix_faces
from studio.workflows.sampling import SampleRequest, sample_to_folder
from studio.workflows.walking import WalkRequest, walk_to_cache, walk_to_file

__all__ = [
    "Face",
    "FaceSettings",
    "GalleryRequest",
    "Kept",
    "MixRequest",
    "SampleRequest",
    "WalkRequest",
    "keep_faces",
    "make_gallery",
    "mix_faces",
    "open_face",
    "sample_to_folder",
    "save_latents",
    "walk_to_cache",
    "walk_to_file",
]
