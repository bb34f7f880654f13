"""A run's report as JUnit, which CI systems show: a test case for every step and every proof."""

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

CONTROL = {code: None for code in range(32) if chr(code) not in "\t\n\r"}
"""What XML 1.0 does not allow in any form: section 2.2, "Characters"."""


def junit(run: Mapping[str, Any]) -> str:
    """Return the XML.

    Args:
        run: the report as run.json holds it.
    """
    suite = ET.Element("testsuite", name=f"quickdata {run['verb']}", timestamp=run["started"])
    for step in run["steps"]:
        _case(suite, "steps", step["name"], step["seconds"])
    for name, proof in run["proofs"].items():
        ET.SubElement(_case(suite, "proofs", name, 0), "system-out").text = _text(proof["words"])
    for words in run["not_proven"]:
        ET.SubElement(_case(suite, "not proven here", words, 0), "skipped")
    verdict = _case(suite, "verb", run["verb"], 0)
    if run["error"]:
        what = _text(run["error"]["what"])
        ET.SubElement(verdict, "failure", message=what.partition("\n")[0]).text = what
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ET.Element, kind: str, name: str, seconds: float) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=kind, name=_text(name), time=f"{seconds:.3f}")


def _text(text: str) -> str:
    return text.translate(CONTROL).encode("utf-8", "backslashreplace").decode()
