"""A cron file, read as cron reads it."""

import pytest

from pipeline.rehearsal import cron

FILE = (
    "# made by somebody\nSHELL=/bin/bash\nPATH = \"/a:/b\"\n\n15 2 * * * root /x/y --z '1  2' >> /log 2>&1\n"
)


def test_the_line_is_kept_to_the_letter() -> None:
    assert cron.read(FILE).line == "/x/y --z '1  2' >> /log 2>&1"


def test_the_line_runs_in_crons_bare_environment_with_the_files_own_settings() -> None:
    command = cron.read(FILE).command("/root")
    assert command[:2] == ("env", "-i")
    assert {"HOME=/root", "LOGNAME=root", "PATH=/a:/b", "SHELL=/bin/bash"} == set(command[2:6])
    assert command[6:8] == ("/bin/bash", "-c")


@pytest.mark.parametrize("jobs", [0, 2])
def test_a_file_without_exactly_one_job_is_an_error(jobs: int) -> None:
    with pytest.raises(ValueError, match=f"found {jobs}"):
        cron.read("* * * * * root true\n" * jobs)
