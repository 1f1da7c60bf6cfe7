"""The store keeps what it is told, tells a second opener so, and shares copies with readers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ontology import terms
from ontology.errors import BadInput, NotFound, PersonError, Unavailable
from ontology.iris import service, thing
from ontology.loader import validate
from ontology.nouns import Fact, Iri, Layer
from workbench.graph.snapshots import published, published_folder
from workbench.graph.store import GraphStore

Make = Callable[..., Any]


@pytest.mark.parametrize(
    "value",
    [
        1,
        -(10**25),
        1.5,
        1e-7,
        float("inf"),
        True,
        False,
        "",
        'quotes " \\ and\nlines\r\t\x00 \u2028 é 😀',
        "} } INSERT DATA { <urn:a> <urn:b> <urn:c> }",
        datetime(2026, 1, 1, 3, 0, 0, 450000, tzinfo=UTC),
        Iri("urn:x:é"),
        thing("file", "github.com/org/shop", "src/a b'\"<>.py"),
    ],
)
def test_values_come_back_as_they_were(value: Any, scan: Make, said: Make) -> None:
    """Every kind of value is read back equal and of the same type, and a second scan changes nothing."""
    store = GraphStore.memory()
    fact = said(service("web"), terms.VALUE, value)
    store.replace(scan([fact]))
    (found,) = store.facts()
    assert (found.object, type(found.object)) == (value, type(value))
    assert store.replace(scan([fact])).unchanged == 1


def test_times_are_kept_in_utc(scan: Make, said: Make) -> None:
    """A time with another offset is the same moment in UTC."""
    moment = datetime(2026, 1, 1, 5, 0, tzinfo=timezone(timedelta(hours=2)))
    store = GraphStore.memory()
    store.replace(scan([said(service("web"), terms.START_TIME, moment)]))
    assert [each.object for each in store.facts()] == [moment.astimezone(UTC)]


def test_facts_round_trip(estate: tuple[Fact, ...], shop: GraphStore) -> None:
    """A scan's facts come back whole: layer, source, time, confidence and evidence of the unsure one."""
    assert set(shop.facts()) == set(estate)


def test_second_opener_is_told(tmp_path: Path) -> None:
    """A second opener gets one sentence that names the store, and the next step; after close it may open."""
    first = GraphStore.open(tmp_path / "home" / "graph")
    with pytest.raises(Unavailable, match="in use by another process") as caught:
        GraphStore.open(tmp_path / "home" / "graph")
    assert caught.value.next_step
    first.close()
    first.close()
    GraphStore.open(tmp_path / "home" / "graph").close()


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """Work on a closed store is a person's error, not a crash."""
    store = GraphStore.open(tmp_path / "graph")
    store.close()
    with pytest.raises(Unavailable, match="closed"):
        store.facts()


def test_a_path_that_is_no_store(tmp_path: Path) -> None:
    """A file in the place of the store is named, with a way out."""
    (tmp_path / "graph").write_text("not a store")
    with pytest.raises(PersonError, match="does not open"):
        GraphStore.open(tmp_path / "graph")


def test_disk_store_keeps(tmp_path: Path, estate: tuple[Fact, ...], scan: Make) -> None:
    """What was written is there after closing and opening."""
    with GraphStore.open(tmp_path / "graph") as store:
        store.replace(scan(estate))
    with GraphStore.open(tmp_path / "graph") as store:
        assert set(store.facts()) == set(estate)


def test_readers_see_what_was_published_while_the_writer_goes_on(
    tmp_path: Path, estate: tuple[Fact, ...], scan: Make
) -> None:
    """A reader gets a private copy of the last shared state: it may write there, and the writer never notices."""
    path = tmp_path / "graph"
    assert len(GraphStore.latest(path)) == 0
    with GraphStore.open(path) as writer:
        writer.replace(scan(estate[:5]))
        writer.share()
        writer.replace(scan(estate))
        with GraphStore.latest(path) as reader:
            assert len(reader) == 5
            reader.replace(scan(estate, scope="mine"))
            assert len(reader) == 5 + len(estate)
        assert len(writer) == len(estate)
    with GraphStore.latest(path) as reader:
        assert len(reader) == len(estate)


def test_a_writer_that_has_just_opened_has_published(tmp_path: Path, estate: tuple[Fact, ...], scan: Make) -> None:
    """A reader beside a writer that shared nothing yet reads what there was before, never files that are written."""
    path = tmp_path / "graph"
    with GraphStore.open(path) as writer:
        assert len(published(published_folder(path))) == 1
        for n in range(10):
            writer.replace(scan(estate[n:]))
            writer.settle()
            with GraphStore.latest(path) as reader:
                assert len(reader) == 0
                assert reader.history.begins is None
    with GraphStore.latest(path) as reader:
        assert len(reader) == len(estate) - 9


def test_a_first_writer_that_died_before_it_published(tmp_path: Path, estate: tuple[Fact, ...], scan: Make) -> None:
    """Where nothing was published, and nobody writes, a reader reads the files as they lie."""
    path = tmp_path / "graph"
    with GraphStore.open(path) as writer:
        writer.replace(scan(estate))
    shutil.rmtree(published_folder(path))
    with GraphStore.latest(path) as reader:
        assert set(reader.facts()) == set(estate)


def test_a_reader_waits_for_the_first_snapshot(tmp_path: Path, estate: tuple[Fact, ...], scan: Make) -> None:
    """A reader that comes while the files are being made reads the snapshot that the writer is about to publish."""
    path = tmp_path / "graph"
    path.mkdir()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(GraphStore.latest, path)
        with GraphStore.open(path) as writer:
            assert len(reading.result()) == 0
            writer.replace(scan(estate))
    with GraphStore.latest(path) as reader:
        assert len(reader) == len(estate)


def test_old_snapshots_go(tmp_path: Path, estate: tuple[Fact, ...], scan: Make) -> None:
    """However often one publishes, two snapshots stay."""
    with GraphStore.open(tmp_path / "graph") as store:
        for n in range(5):
            store.replace(scan(estate[:n]))
            newest = store.publish(tmp_path / "shared")
        assert len(list((tmp_path / "shared").iterdir())) == 2
        assert newest.is_dir()


@pytest.mark.parametrize("name", ["graph.nq", "graph.nq.gz"])
def test_nquads_round_trip(name: str, tmp_path: Path, shop: GraphStore, estate: tuple[Fact, ...]) -> None:
    """A dump loads into an equal store, and equal stores dump equal bytes."""
    copy = GraphStore.memory()
    copy.load(shop.dump(tmp_path / name))
    assert set(copy.facts()) == set(estate)
    assert copy.dump(tmp_path / f"again-{name}").read_bytes() == (tmp_path / name).read_bytes()


def test_a_damaged_dump_adds_nothing(tmp_path: Path, shop: GraphStore) -> None:
    """A file that breaks in the middle is named, and none of it is kept."""
    copy = GraphStore.memory()
    whole = shop.dump(tmp_path / "graph.nq").read_text()
    (tmp_path / "graph.nq").write_text(whole + "<broken")
    with pytest.raises(BadInput, match="cannot be read"):
        copy.load(tmp_path / "graph.nq")
    packed = shop.dump(tmp_path / "graph.nq.gz").read_bytes()
    (tmp_path / "graph.nq.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(BadInput, match="cannot be read"):
        copy.load(tmp_path / "graph.nq.gz")
    with pytest.raises(NotFound):
        copy.load(tmp_path / "nowhere.nq")
    assert len(copy) == 0


def test_learned_facts_of_a_case(shop: GraphStore, said: Make) -> None:
    """A case's findings lie in its own graph, say how sure they are, can be corrected and forgotten."""
    before = len(shop)
    fact = said(service("web"), terms.DEPENDS_ON, service("ledger"), confidence=0.7, evidence="o-12", source="case-1")
    assert shop.learn("case-1", [fact]) == 1
    assert shop.learn("case-1", [said(service("web"), terms.DEPENDS_ON, service("ledger"), confidence=0.5)]) == 0
    (found,) = (each for each in shop.facts() if each.layer is Layer.LEARNED)
    assert (found.confidence, found.evidence) == (0.5, "")
    assert shop.learn("case-2", [fact]) == 1
    assert shop.forget_learned("case-1") == 1
    assert len(shop) == before + 1


def test_scans_of_episodes_are_learned(scan: Make, said: Make) -> None:
    """A scan may say learned facts; they come back as learned, as sure as they were said."""
    fact = said(service("web"), terms.REMEDY, "rolled back", layer=Layer.LEARNED, source="episodes")
    store = GraphStore.memory()
    store.replace(scan([fact], source="episodes", layer=Layer.LEARNED))
    assert store.facts() == (fact,)


def test_rdflib_sees_the_same(shop: GraphStore) -> None:
    """The rdflib copy answers the same question, over the union of the graphs."""
    query = "SELECT ?a ?b { ?a wb:calls ?b }"
    ours = {(str(a), str(b)) for a, b in shop.rows(query)}
    theirs = {(str(row[0]), str(row[1])) for row in shop.to_rdflib().query(query)}  # type: ignore[index]
    assert ours == theirs != set()
    assert len(GraphStore.memory().to_rdflib()) == 0


def test_what_the_store_writes_is_well_formed(shop: GraphStore, said: Make) -> None:
    """Facts, annotations and descriptions of graphs conform to the shapes."""
    shop.learn("case-1", [said(service("web"), terms.DEPENDS_ON, service("ledger"), confidence=0.7)])
    report = validate(shop.to_rdflib())
    assert report.conforms, str(report)
