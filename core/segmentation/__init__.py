"""The label branch: from a generator's feature maps to a class for each pixel."""

from core.segmentation.classes import UNLABELLED, ClassSet
from core.segmentation.features import FeatureCache
from core.segmentation.heads import HEADS, Head, build_head
from core.segmentation.labelled import LabelledFaces
from core.segmentation.metrics import Scores, score
from core.segmentation.segmenter import Segmenter
from core.segmentation.segmenter_files import load_segmenter, save_segmenter
from core.segmentation.training import Trained, train_segmenter
from core.segmentation.training_config import SegmenterTraining

__all__ = [
    "HEADS",
    "UNLABELLED",
    "ClassSet",
    "FeatureCache",
    "Head",
    "LabelledFaces",
    "Scores",
    "Segmenter",
    "SegmenterTraining",
    "Trained",
    "build_head",
    "load_segmenter",
    "save_segmenter",
    "score",
    "train_segmenter",
]
