"""Functions that moved to `harness.atomic` and `harness.digest`."""

from harness.atomic import (
    atomic_write_bytes as atomic_write_bytes,
)
from harness.atomic import (
    atomic_write_text as atomic_write_text,
)
from harness.atomic import (
    atomic_writer as atomic_writer,
)
from harness.atomic import (
    sync_folder as sync_folder,
)
from harness.digest import sha256_file as sha256_file
