"""Models to and from the folders of Hugging Face's `transformers`."""

from pygpt.huggingface.exporting import export_folder
from pygpt.huggingface.importing import import_folder

__all__ = ["export_folder", "import_folder"]
