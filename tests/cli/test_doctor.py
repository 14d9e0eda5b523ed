"""`ppg doctor`."""

from tests.landlock import needs_landlock


def test_the_doctor_shows_one_line_for_each_finding_and_ends_with_0(project):
    project.environment["TMPDIR"] = str(project / "missing")
    ended = project.ppg("doctor")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert all(line.startswith(("ok ", "missing ")) for line in lines)
    assert any(line.startswith("missing TMPDIR: ") and "make that folder" in line for line in lines)
    assert ended.err == ""
    assert list(project.folder.iterdir()) == []


@needs_landlock
def test_the_doctor_says_that_jobs_can_be_confined(project):
    assert "ok      Landlock: version " in project.ppg("doctor").out


def test_the_doctor_of_another_folder(project):
    (project / "sub").mkdir()
    assert project.ppg("doctor", "sub").code == 0
    ended = project.ppg("doctor", "missing")
    assert (ended.code, ended.out) == (2, "")
    assert "there is no folder 'missing'" in ended.err


def test_a_hostile_variable_is_shown_in_one_harmless_line(project):
    project.environment["PPG_ODD"] = "a\nb\x1b[31m"
    (line,) = [line for line in project.ppg("doctor").out.splitlines() if "PPG_ODD" in line]
    assert "\x1b" not in line
    assert "a\\nb" in line
