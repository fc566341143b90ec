"""The evaluation report as one self-contained web page."""

from talkingface.evaluation.web.page import write_web_report

__all__ = ["write_web_report"]
