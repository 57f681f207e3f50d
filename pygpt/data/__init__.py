"""Training texts, and their conversion to tokens for a device."""

from pygpt.data.corpus import (
    Corpus,
    CutDocuments,
    Split,
    check_answers,
    cut_documents,
    hold_out,
    make_corpus,
    mean_bytes,
    question_of,
    whole_split,
)
from pygpt.data.loading import is_built_in, load_text, open_dataset_bytes
from pygpt.data.registry import DATASETS, Dataset
from pygpt.data.sources.python import python_sources_text
from pygpt.data.sources.tales import tales
from pygpt.data.sources.tasks import TASKS, Task, is_task, task_text
from pygpt.data.text import Text, text_from_bytes, text_from_string

__all__ = [
    "Corpus",
    "CutDocuments",
    "DATASETS",
    "Dataset",
    "Split",
    "TASKS",
    "Task",
    "Text",
    "check_answers",
    "cut_documents",
    "hold_out",
    "is_built_in",
    "is_task",
    "load_text",
    "make_corpus",
    "mean_bytes",
    "open_dataset_bytes",
    "python_sources_text",
    "question_of",
    "tales",
    "task_text",
    "text_from_bytes",
    "text_from_string",
    "whole_split",
]
