"""Import and export of model folders of Hugging Face `transformers`."""

from pygpt.huggingface.exporting import export_folder
from pygpt.huggingface.importing import import_folder

__all__ = ["export_folder", "import_folder"]
