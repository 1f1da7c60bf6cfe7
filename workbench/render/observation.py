"""One observation: what was asked, what came back, and its rows."""

from __future__ import annotations

from workbench.nouns import Answered, Failed, Observation, Silent
from workbench.render.markup import Html, columns, grid, link, tag
from workbench.render.view import View, page
from workbench.render.words import clock, listed, number, some

ROWS = 40


def observation_view(observation: Observation, entity: str = "", most: int = ROWS) -> View:
    """Return the reply with up to `most` of its rows, those of one entity where it is named."""
    say = sentence(observation)
    asked = _asked(observation, entity)
    head, rows, total = _rows(observation, entity, most)
    left = (
        f'{some(total - len(rows), "further row")} not shown; case.show("{observation.id}", entity=…) narrows.'
        if total > len(rows)
        else ""
    )
    text = "\n".join(filter(None, (say, asked, columns(rows, head, most=70) if rows else "", left)))
    reply = observation.reply
    elsewhere = link(reply.link, "open where it came from") if isinstance(reply, Answered) and reply.link else None
    table = tag("div", grid(rows, head), style="max-height:420px;overflow:auto") if rows else None
    return page(
        text,
        tag("p", say, class_="say"),
        tag("p", asked, " ", elsewhere, class_="mute small"),
        _query(reply.query),
        table,
        tag("p", left, class_="mute small") if left else None,
        kind="observation",
    )


def sentence(observation: Observation) -> str:
    """Say what came back."""
    match observation.reply:
        case Answered(digest=digest):
            return digest
        case Silent(searched=searched):
            return f"Looked, nothing there: {searched}"
        case Failed(reason=reason, remedy=remedy):
            return f"Could not look: {reason}." + (f" To mend it: {remedy}" if remedy else "")


def _asked(observation: Observation, entity: str) -> str:
    question = observation.question
    whom = listed([entity.name for entity in question.about]) or "everything it knows"
    window = f"{clock(question.window.start)} to {clock(question.window.end)} UTC"
    why = f"; asked because {question.why.rstrip('.')}" if question.why else ""
    rows = f" Below, the rows of {entity} alone." if entity else ""
    return f"{question.modality} from {observation.source} about {whom}, {window}{why} ({observation.id}).{rows}"


def _query(query: str) -> Html | None:
    return tag("pre", query) if query else None


def _rows(observation: Observation, entity: str, most: int) -> tuple[list[str], list[list[object]], int]:
    table = observation.table
    if table is None:
        return [], [], 0
    owner = next((name for name in ("entity", "service") if name in table.columns), "")
    if entity and owner:
        table = table[table[owner] == entity]
    rows = [[_cell(value) for value in row] for row in table.head(most).itertuples(index=False)]
    return [str(name) for name in table.columns], rows, len(table)


def _cell(value: object) -> object:
    if isinstance(value, float):
        return number(value)
    return value.strftime("%H:%M:%S") if hasattr(value, "strftime") else "" if value is None else value
