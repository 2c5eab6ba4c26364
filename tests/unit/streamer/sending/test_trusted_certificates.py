"""botocore still tells which certificates it trusts, as `streamer.sending.transport` needs it."""

from __future__ import annotations

from pathlib import Path

from botocore.httpsession import get_cert_path


def test_botocore_tells_which_certificates_it_trusts() -> None:
    assert Path(get_cert_path(True)).is_file(), "botocore changed httpsession.get_cert_path()"
