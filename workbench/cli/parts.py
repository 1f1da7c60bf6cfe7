"""Verbs on parts of the graph: graph around, blast, path."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from workbench import assembly, settings
from workbench.graph import explore
from workbench.nouns import Subgraph
from workbench.render.map import graph_map


@click.command()
@click.argument("name")
@click.option("--hops", default=1, show_default=True, type=click.IntRange(1, 6), help="so many relations away")
def around(name: str, hops: int) -> None:
    """Show what is around a thing: its name, its kind and name ("node n1"), or its short IRI.

    Example: workbench graph around checkout
    """
    with assembly.reading_graph(settings.load()) as graph:
        _tell(explore.around(graph, name, hops, now=datetime.now(UTC)))


@click.command()
@click.argument("name")
def blast(name: str) -> None:
    """Show what suffers when a thing fails.

    Example: workbench graph blast payment
    """
    with assembly.reading_graph(settings.load()) as graph:
        _tell(explore.blast_radius(graph, name, now=datetime.now(UTC)))


@click.command()
@click.argument("name")
@click.argument("other")
def path(name: str, other: str) -> None:
    """Say how two things hang together.

    Example: workbench graph path frontend payment
    """
    with assembly.reading_graph(settings.load()) as graph:
        _tell(explore.path(graph, name, other, now=datetime.now(UTC)))


def _tell(part: Subgraph) -> None:
    """Print the part as text; the map's own text begins with its sentence."""
    click.echo(graph_map(part).text)
