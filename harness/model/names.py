"""Names that moved: `harness.identifiers`, `onnx_path`, `harness.safe_text`, `quantities`."""

from harness.identifiers import (
    MAX_NAME_LENGTH as MAX_NAME_LENGTH,
)
from harness.identifiers import (
    RESERVED as RESERVED,
)
from harness.identifiers import (
    NameTable as NameTable,
)
from harness.identifiers import (
    is_identifier as is_identifier,
)
from harness.identifiers import (
    sanitise as sanitise,
)
from harness.identifiers import (
    without_repeats as without_repeats,
)
from harness.model.onnx_path import ONNX_SUFFIX as ONNX_SUFFIX
from harness.model.onnx_path import is_onnx_path as is_onnx_path
from harness.quantities import shape_text as shape_text
from harness.safe_text import shown as shown
