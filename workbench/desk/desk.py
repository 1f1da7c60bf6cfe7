"""The handle on a case: verbs that steer the investigation, and views of what it knows.

Every verb is one plain Python line that can stay in the notebook. It is written to the journal with the case that came
of it; the same line run again in a fresh kernel (Run-all) is replayed from there and costs nothing. `replay=False` asks
anew. A line is kept as it was typed: `case.wrong()` means what was on top when it was said, whatever is on top now.
"""

from __future__ import annotations

import getpass
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from memory.episodes import EpisodeStore
from memory.protocol import Verdict
from ontology.errors import BadInput, NotAllowed, NotFound
from ontology.nouns import Entity
from workbench.assembly import Workplace
from workbench.desk import live
from workbench.desk.proposal import confirmed, proposed, written
from workbench.engine.branch import merged
from workbench.engine.close import closed
from workbench.engine.coefficients import CURRENT, Coefficients
from workbench.engine.conclude import conclude
from workbench.engine.learning import in_words, meant, taken_back, with_its_ends
from workbench.engine.loop import investigate
from workbench.journal import Entry, Journal, hands, outcomes
from workbench.notebook import nextcell
from workbench.nouns import Budget, Case, Hypothesis, Level, Observation, State, Steer
from workbench.ports import Reasoner
from workbench.render.board import hypothesis_board
from workbench.render.branches import branches_view
from workbench.render.card import alert_card, first_screen
from workbench.render.coverage import coverage_ledger
from workbench.render.episodes import episodes_view
from workbench.render.graph import graph_view
from workbench.render.learned import learned_view
from workbench.render.logs import logs_view
from workbench.render.metrics import metrics_figure, metrics_panel
from workbench.render.observation import observation_view
from workbench.render.proposal import proposal_view, pull_request
from workbench.render.saved import saved_view
from workbench.render.spend import spend_meter, spend_words
from workbench.render.step import step_view
from workbench.render.timeline import timeline_view
from workbench.render.view import View
from workbench.render.waterfall import waterfall
from workbench.render.widgets import Controls

if TYPE_CHECKING:
    from workbench.desk.forks import Fork

Said = Literal["look-at", "pin", "rule-out", "feedback", "accept", "reject"]
"""What a verb of the desk steers by."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a desk works with."""

    place: Workplace
    journal: Journal
    memory: EpisodeStore
    reasoner: Reasoner
    budget: Budget
    threshold: float
    notebook: Path
    """Where the incident's notebook is, or would be."""
    level: Callable[[Entity], Level] = lambda _entity: Level.DIAGNOSE
    """How far claims about an entity are trusted."""
    coefficients: Coefficients = CURRENT
    """What hypotheses are judged by."""
    repositories: tuple[Path, ...] = ()
    """Checkouts that a change may be proposed for."""


@dataclass(slots=True, eq=False)
class Act:
    """A line that is being carried out."""

    action: str
    arguments: dict[str, Any]
    entry: Entry | None = None
    """What the trail holds of it: nothing until its first case."""
    abandoned: bool = False


class Desk:
    """One case on the desk. Shows itself as the incident's first screen."""

    name = "case"
    """What the notebook calls it, for the lines that are proposed."""

    @property
    def who(self) -> str:
        """Who sits at it, by the name that this machine knows."""
        try:
            return os.environ.get("JUPYTERHUB_USER") or getpass.getuser()
        except (KeyError, OSError):  # a container's user often has no name
            return "somebody"

    def __init__(self, case: Case, tools: Tools, trail: tuple[Entry, ...] = ()) -> None:
        """Take up a case where its trail ends; lines that repeat the trail are replayed."""
        self.case = trail[-1].case if trail else case
        self.tools = tools
        self._trail = list(trail)
        self._replayed = 0
        self._budget = sum((_added(entry) for entry in trail), tools.budget)
        self._under_way: Act | None = None
        self._busy = threading.Lock()
        """Held by the one line that works; stopping replaces it."""
        self._keeping = threading.RLock()
        """Held while the desk's own fields change, never while a source is asked."""

    # verbs

    def open(self) -> View:
        """Take the first look: what is around the alert, and what moved."""
        return self._act("open", {}, self._one_step)

    def step(self, *, replay: bool = True) -> View:
        """Ask what is planned and think over the answers; `replay=False` takes a new step in any case."""
        return self._act("step", {}, self._one_step, replay=replay)

    def run(self, *, replay: bool = True) -> View:
        """Step on until there is nothing left to ask or the budget is used up."""
        return self._act("run", {}, self._investigate, replay=replay)

    def go_further(
        self, dollars: float = 0.0, *, questions: int = 20, seconds: float = 120.0, replay: bool = True
    ) -> View:
        """Add to the budget of this case, and run on; the dollars raise its cap in the journal, never the day's.

        Raises:
            BadInput: an amount that takes away.
        """
        if min(dollars, questions, seconds) < 0:
            raise BadInput("Going further adds to the budget.", next_step="Say case.go_further(0.50), or case.stop().")
        arguments = {"questions": questions, "dollars": dollars, "seconds": seconds}

        def further(case: Case) -> Iterator[Case]:
            return self._investigate(replace(case, ended=""))

        return self._act("go_further", arguments, further, replay=replay)

    def stop(self) -> View:
        """Stop here: a step under way is abandoned, what was known before it is kept."""
        with self._keeping:
            running, self._under_way = self._under_way, None
            if running is not None:
                running.abandoned = True
                self._busy = threading.Lock()  # the next line need not wait for a source that does not answer
                if running.entry is None:
                    self._keep(running, self.case)  # Run-all finds its line, and asks nothing
        return self._act("stop", {}, lambda case: iter((replace(case, ended="stopped", planned=()),)))

    def rule_out(self, hypothesis: str, *, because: str) -> View:
        """Rule a hypothesis out, with the reason; it stays on the board below the line."""
        if not because.strip():
            raise BadInput(
                "A hypothesis is ruled out for a reason.",
                next_step=f'Write case.rule_out("{hypothesis}", because="…").',
            )

        def ruled_out(case: Case) -> Iterator[Case]:
            held = _hypothesis(case, hypothesis)
            out = replace(held, state=State.RULED_OUT, ruled_out_because=because)
            kept = tuple(each for each in case.hypotheses if each.id != held.id)
            steered = replace(self._steered(case, "rule-out", because, held.id), note="")
            yield self._concluded(steered, (*kept, out))

        return self._act("rule_out", {"hypothesis": hypothesis, "because": because}, ruled_out)

    def look_at(self, name: str) -> View:
        """Ask about an entity next, by its name."""
        entity = self._entity(name)

        def looked(case: Case) -> Iterator[Case]:
            return self._one_step(self._steered(case, "look-at", f"look at {entity.name}", entity.iri))

        return self._act("look_at", {"name": name}, looked)

    def pin(self, observation: str, *, because: str) -> View:
        """Hold on to an observation as telling; whom it is about is looked at more closely from then on."""
        held = self._observation(observation)

        def pinned(case: Case) -> Iterator[Case]:
            steers = [Steer("pin", because, each.iri, self.now()) for each in held.question.about]
            said = replace(case, steers=(*case.steers, *steers[:-1]))
            yield said.steered(steers[-1] if steers else Steer("pin", because, held.id, self.now()))

        return self._act("pin", {"observation": observation, "because": because}, pinned)

    def fork(self, what: str) -> Fork:
        """Go another way from here, `"what if it is the cache"`, and keep this one: returns the fork's own desk.

        It starts from all that is known, with its own plan, rulings and steps; what was answered is not asked again.

        Raises:
            BadInput: no words.
        """
        from workbench.desk.forks import Fork  # late: a fork is a desk

        if not what.strip():
            raise BadInput("A fork asks something.", next_step='Write fork = case.fork("what if it is …").')
        self._act("fork", {"what": what}, _as_it_is)
        return Fork(self, what, self._trail[self._replayed - 1])

    def compare(self, fork: Fork) -> View:
        """Show this case and a fork of it side by side: verdict, ranks, what only one has seen, what each cost."""
        self._own(fork)
        fork._act("compared", {}, _as_it_is)
        self._act("compare", {"fork": fork.case.id}, _as_it_is)
        return branches_view(self.reached, fork.reached, fork.start, fork.what)

    def merge(self, fork: Fork) -> View:
        """Take over what a fork found, and what was said in it, with the reasons; then think again."""
        self._own(fork)
        fork._act("merged", {}, _as_it_is)
        since = fork.merged_last()

        def joined(case: Case) -> Iterator[Case]:
            return self._one_step(merged(case, fork.reached, since))

        return self._act("merge", {"fork": fork.case.id}, joined)

    def _own(self, fork: Fork) -> None:
        if fork.parent.case.id != self.case.id:
            raise BadInput(
                f"{fork.case.id} is no fork of this case.", next_step='Make one: fork = case.fork("what if it is …").'
            )

    def confirm(self, hypothesis: str = "") -> View:
        """Say that a hypothesis (the top one by default) is the cause."""

        def said_so(case: Case) -> Iterator[Case]:
            held = _hypothesis(case, hypothesis)
            hypotheses = tuple(_confirmed(each, each.id == held.id) for each in case.hypotheses)
            said = self._steered(case, "feedback", "confirmed as the cause", held.id)
            yield self._concluded(replace(said, ended=case.ended), hypotheses)

        return self._act("feedback", {"hypothesis": hypothesis, "state": str(State.CONFIRMED)}, said_so)

    def wrong(self, hypothesis: str = "", *, because: str = "not the cause") -> View:
        """Say that a hypothesis (the top one by default) is not the cause."""
        return self.rule_out(hypothesis, because=because)

    def propose_change(self, *, repository: str | Path = "") -> View:
        """Write a patch that takes the confirmed cause back, and the text of a pull request, beside the notebook.

        Only where the service's trust level is `propose`. Nothing is applied or pushed.

        Args:
            repository: a checkout that holds the change; by default those of `git_folders`.

        Raises:
            NotAllowed: nobody confirmed a cause, or the service is not trusted so far.
        """
        held = confirmed(self.case)
        name = held.suspect.name
        if self.tools.level(held.suspect) is not Level.PROPOSE:
            raise NotAllowed(
                f"{name} is at trust level {self.tools.level(held.suspect)}; a change is proposed at propose.",
                next_step=f'A person can raise it: workbench trust {name} propose --by "your name"',
            )
        self._act("propose_change", {"repository": str(repository)}, _as_it_is)
        folders = (Path(repository),) if repository else self.tools.repositories
        found, reverse = proposed(self.case, held, folders)
        if reverse is None:
            return proposal_view(found, ())
        beside = self.tools.notebook.with_name(f"{self.tools.notebook.stem}-{held.id}")
        patch = written(beside.with_name(f"{beside.name}.patch"), reverse.patch)
        said = written(beside.with_name(f"{beside.name}.md"), pull_request(self.case, found, patch.name))
        return proposal_view(found, (str(patch), str(said)))

    def accept(self, fact: str) -> View:
        """Keep a learned fact beyond this case: by its id, or in words (`checkout calls payment`)."""

        def kept(case: Case) -> Iterator[Case]:
            held = meant(case, fact)
            self.tools.place.accept(with_its_ends(case, held))
            said = self._steered(case, "accept", "accepted as true of the estate", held.id)
            yield replace(said, ended=case.ended)

        self._act("accept", {"fact": fact}, kept)
        return self.learned()

    def reject(self, fact: str, *, because: str = "not so") -> View:
        """Say that a fact is not so: what was learned is dropped, what a scanner said is asked for again.

        The case goes on without it. A scanner's fact stays in the graph until that source has looked again.
        """

        def dropped(case: Case) -> Iterator[Case]:
            held = meant(case, fact)
            self.tools.place.doubt(held, because)
            words = in_words(held, {each.iri: each.name for each in case.scope})
            said = self._steered(taken_back(case, held), "reject", f"{words}: {because}", held.id)
            yield replace(said, ended=case.ended)

        self._act("reject", {"fact": fact, "because": because}, dropped)
        return self.learned()

    def save(self, verdict: str | None = None, *, remedy: str = "") -> View:
        """Close the case and remember it as an episode.

        Args:
            verdict: `confirmed`, `rejected`, `no-fault` or `unresolved`; by default `confirmed` where a hypothesis
                was confirmed, else `unresolved`.
            remedy: what helped.

        Raises:
            BadInput: another word for the verdict.
        """
        confirmed = any(each.state is State.CONFIRMED for each in self.case.hypotheses)
        said = verdict or (Verdict.CONFIRMED if confirmed else Verdict.UNRESOLVED)
        try:
            word = Verdict(said)
        except ValueError as error:
            words = ", ".join(Verdict)
            raise BadInput(f"{said!r} is no verdict.", next_step=f"Say one of: {words}.") from error
        path = self.tools.notebook
        episode = closed(self.case, word, self.now(), remedy=remedy, notebook=path.name)
        self.tools.memory.remember(episode, path if path.is_file() else None)
        outcomes.closed(self.tools.journal.database, self.case, word)
        self.tools.journal.queue.closed(self.case.alert.id)
        nextcell.save_notebook()  # the server then refreshes the episode's copy of it
        return saved_view(episode, path)

    # views

    def screen(self) -> View:
        """The first screen."""
        spend = spend_words(self.case.spent, self._budget)
        other = hands.other(self.tools.journal.database, self.case.id)
        steered = f" · {other.who} steers this case since {other.since:%H:%M} UTC" if other else ""
        return first_screen(self.case, self.now(), spend=spend + steered)

    def alert(self) -> View:
        """What woke us."""
        return alert_card(self.case.alert, self.now())

    def graph(self) -> View:
        """The part of the infrastructure that matters."""
        return graph_view(self.case)

    def metrics(self) -> View:
        """What moved, before and after."""
        return metrics_panel(self.case)

    def figure(self) -> View:
        """The same as an interactive chart."""
        return metrics_figure(self.case)

    def logs(self) -> View:
        """Log templates, counted before and after."""
        return logs_view(self.case)

    def traces(self) -> View:
        """The slowest traces as a waterfall."""
        return waterfall(self.case)

    def hypotheses(self) -> View:
        """Ranked hypotheses with confidence, reasons and evidence."""
        return hypothesis_board(self.case)

    def coverage(self) -> View:
        """Which source was checked, silent, failed or not asked."""
        return coverage_ledger(self.case)

    def episodes(self) -> View:
        """What is remembered that is alike, and why."""
        return episodes_view(self.case, self.now())

    def spend(self) -> View:
        """What this case has used of its budget."""
        return spend_meter(self.case.spent, self._budget)

    def learned(self) -> View:
        """What this case found out of the estate."""
        return learned_view(self.case)

    def timeline(self) -> View:
        """Everything that happened, in order."""
        return timeline_view(self.case)

    def now(self) -> datetime:
        """The time, as this case's world has it."""
        return self.tools.place.environment.clock.now()

    def show(self, observation: str, *, entity: str = "") -> View:
        """Show the rows of an observation, of one entity where it is named.

        Raises:
            NotFound: no such observation in this case.
        """
        return observation_view(self._observation(observation), entity)

    def buttons(self) -> Controls:
        """The verbs as buttons, for a live session."""
        return live.buttons(self)

    def _ipython_display_(self) -> None:
        live.show(self)

    def _repr_mimebundle_(self, **_kwargs: object) -> Mapping[str, object]:
        return self.screen()._repr_mimebundle_()

    # how a verb runs

    def _act(
        self,
        action: str,
        arguments: dict[str, Any],
        work: Callable[[Case], Iterator[Case]],
        *,
        replay: bool = True,
    ) -> View:
        """Replay the line if the trail still holds it, else do it and write it down as it goes."""
        entry = self._next(action, arguments) if replay else None
        if entry is not None and not self._interrupted(entry):
            before = self._trail[self._replayed - 2].case if self._replayed > 1 else None
            had = self.cap_at(entry.n - 1) if action == "go_further" else None
            return step_view(entry.case, before, cap=self.cap_at(entry.n), had=had, replayed=True)
        before, had = self.case, self._budget if action == "go_further" and entry is None else None
        with self._busy:
            self._do(Act(action, arguments, entry), work)
        live.refresh(self)
        if action in ("step", "run", "go_further", "merge"):
            live.propose(self)
        return step_view(self.case, before, cap=self._budget, had=had)

    def cap_at(self, n: int) -> Budget:
        """Return what the case could use in all when that act of its trail was done."""
        return sum((_added(entry) for entry in self._trail if entry.n <= n), self.tools.budget)

    @property
    def reached(self) -> Case:
        """The case as the line that was carried out last left it: on Run-all not yet where its trail ends."""
        return self._trail[self._replayed - 1].case if self._replayed else self.case

    def _next(self, action: str, arguments: dict[str, Any]) -> Entry | None:
        """Return the next entry of the trail that is this very line, and pass it.

        What stands before it was done by a button and has no line; a line that was interrupted and then run again
        stands there twice, and the later one counts.
        """
        ahead = self._trail[self._replayed :]
        same = [entry.action == action and dict(entry.arguments) == arguments for entry in ahead]
        if True not in same:
            return None
        at = same.index(True)
        while _unfinished(ahead[at]) and same[at + 1 : at + 2] == [True]:
            at += 1
        self._replayed += at + 1
        return ahead[at]

    def _interrupted(self, entry: Entry) -> bool:
        """Whether the trail breaks off in this line, so that it goes on from there."""
        return _unfinished(entry) and entry is self._trail[-1]

    def _do(self, act: Act, work: Callable[[Case], Iterator[Case]]) -> None:
        """Do the work and journal every case it yields, so that an interrupt loses nothing."""
        self._under_way = act
        if act.entry is None and act.action == "go_further":
            self._budget += _added(act)
            allowed = self._budget.dollars - self.tools.budget.dollars
            self.tools.journal.allow(self.case.id, allowed)  # in all, so that a line that is said again adds once
        try:
            for case in work(self.case):
                with self._keeping:
                    if act.abandoned:
                        return
                    if case is not self.case:  # else the case had ended before, and nothing came of it
                        self._keep(act, case)
        finally:
            if self._under_way is act:
                self._under_way = None

    def _keep(self, act: Act, case: Case) -> None:
        """Make this the case, on the desk and in the journal."""
        journal = self.tools.journal
        if act.entry is None:
            last = max((entry.n for entry in self._trail), default=0)
            number = journal.append(case.id, act.action, act.arguments, case, after=last)
            if act.action != "open":
                hands.take(journal.database, case.id, self.who, journal.now())
        else:
            number = act.entry.n
            journal.amend(case.id, number, case)
        self.case = case
        act.entry = Entry(number, act.action, act.arguments, case, self.now())
        self._trail = [*(each for each in self._trail if each.n != number), act.entry]
        self._replayed = len(self._trail)
        self._tell(case)

    def _tell(self, case: Case) -> None:
        """Make the graph say what the case learned, and take a ruling for a grade."""
        self.tools.place.learn(case.id, case.learned)
        outcomes.heard(self.tools.journal.database, case)

    def _investigate(self, case: Case) -> Iterator[Case]:
        tools = self.tools
        if case.ended == "stopped":
            case = replace(case, ended="")  # whoever stops and steps again means to go on
        if case.ended:
            return iter((case,))
        return investigate(
            case,
            environment=tools.place.environment,
            reasoner=tools.reasoner,
            memory=tools.memory,
            budget=self._budget,
            threshold=tools.threshold,
            coefficients=tools.coefficients,
        )

    def _one_step(self, case: Case) -> Iterator[Case]:
        yield next(self._investigate(case))

    def _concluded(self, case: Case, hypotheses: tuple[Hypothesis, ...]) -> Case:
        case = replace(case, hypotheses=hypotheses)
        return replace(case, findings=conclude(case, self.tools.threshold))

    def _steered(self, case: Case, kind: Said, text: str, target: str) -> Case:
        return case.steered(Steer(kind, text, target, self.now()))

    def _observation(self, observation_id: str) -> Observation:
        found = self.case.observation(observation_id)
        if found is None:
            known = ", ".join(each.id for each in self.case.observations) or "none yet"
            raise NotFound(f"This case has no observation {observation_id!r}.", next_step=f"It has: {known}.")
        return found

    def _entity(self, name: str) -> Entity:
        found = next((each for each in self.case.scope if name in (each.name, each.iri)), None)
        if found is None:
            near = ", ".join(each.name for each in self.case.scope[:12])
            raise NotFound(f"{name!r} is not in the scope of this case.", next_step=f"In scope: {near}.")
        return found


def _as_it_is(case: Case) -> Iterator[Case]:
    """Yield the case again: the act stands in the trail, and changes nothing."""
    yield replace(case)


def _hypothesis(case: Case, hypothesis_id: str) -> Hypothesis:
    """Return the hypothesis of that id, or the top one where none is named."""
    known = {each.id: each for each in case.hypotheses}
    found = known.get(hypothesis_id) if hypothesis_id else case.top
    if found is None:
        named = ", ".join(known) or "none yet"
        raise NotFound(f"This case has no hypothesis {hypothesis_id!r}.", next_step=f"It has: {named}.")
    return found


def _confirmed(hypothesis: Hypothesis, meant: bool) -> Hypothesis:
    """Return it confirmed where it is the one that is meant; there is one cause, so an earlier one is that no more."""
    if meant:
        return replace(hypothesis, state=State.CONFIRMED)
    return replace(hypothesis, state=State.SUPPORTED) if hypothesis.state is State.CONFIRMED else hypothesis


def _unfinished(entry: Entry) -> bool:
    """Whether a line that runs to an end has not come to it."""
    return entry.action in ("run", "go_further") and not entry.case.ended


def _added(line: Entry | Act) -> Budget:
    """Return what a line adds to the budget of its case."""
    return Budget(**line.arguments) if line.action == "go_further" else Budget()
