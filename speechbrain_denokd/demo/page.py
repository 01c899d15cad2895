"""How an answer looks (the arrow ``answer -> HTML``)."""

import base64
from html import escape

from speechbrain_denokd.demo.compare import DIFFERENT, SAME, Answer
from speechbrain_denokd.plots.figure import COLOURS

# In the colours of the plots; the words say the same for who sees neither.
CSS = f"""
.answer {{ border-left: 6px solid #999999; padding: 0 0 0 14px; }}
.answer.same {{ border-color: {COLOURS[0]}; }}
.answer.different {{ border-color: {COLOURS[1]}; }}
.answer h2 {{ margin: 0 0 6px; font-size: 1.5em; }}
.answer p {{ margin: 0; overflow-wrap: anywhere; }}
.answer table {{ border: none; border-collapse: collapse; }}
.answer tr, .answer td {{ border: none; }}
.answer td {{ padding: 2px 18px 2px 0; }}
.answer td.value {{ text-align: right; font-weight: 600;
  font-variant-numeric: tabular-nums; }}
.spectrograms {{ display: block; max-width: 100%; margin-top: 14px; }}
"""


def answer_html(answer: Answer) -> str:
    """The answer as a piece of a page that needs no other file.

    Arguments
    ---------
    answer : Answer

    Returns
    -------
    str
        HTML for the classes of `CSS`; names of files are escaped, the picture
        is inside.

    Example
    -------
    >>> answer_html(Answer("No answer yet", "<b>.wav is silent."))[42:]
    '</h2><p>&lt;b&gt;.wav is silent.</p></div>'
    """
    looks = {SAME: "same", DIFFERENT: "different"}.get(answer.verdict, "none")
    parts = [f'<div class="answer {looks}"><h2>{escape(answer.verdict)}</h2>']
    if answer.note:
        parts.append(f"<p>{escape(answer.note)}</p>")
    if answer.rows:
        parts.append(f"<table>{''.join(map(_row, answer.rows))}</table>")
    parts.append("</div>")
    if answer.picture is not None:
        data = base64.b64encode(answer.picture).decode()
        parts.append(
            '<img class="spectrograms" alt="Spectrograms of both recordings" '
            f'src="data:image/png;base64,{data}">'
        )
    return "".join(parts)


def _row(row: tuple[str, str, str]) -> str:
    name, value, meaning = map(escape, row)
    return (
        f'<tr><td>{name}</td><td class="value">{value}</td>'
        f"<td>{meaning}</td></tr>"
    )
