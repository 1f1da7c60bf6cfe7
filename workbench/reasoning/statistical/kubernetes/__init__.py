"""The state of a Kubernetes cluster as typed symptoms: what is wrong with which object, and why.

Reads from the outside in: `witness` (rows of the case -> signs) -> `symptoms_of` -> the rules, a file a family
(`placing`, `starting`, `routing`, `nodes`, `heard`) -> `estate` (rows -> workloads, services, nodes, claims).

To add a rule: a function `Cluster -> Iterator[Symptom]` in the file of its family, named in RULES below, with the page
of the Kubernetes documentation that it follows; a cause in `ontology/incident.ttl` where it needs a new one; and a test
with rows of your own. It rests on what is so now: events stay for an hour after their trouble is over.
"""

from workbench.reasoning.statistical.kubernetes.witness import RULES, states_of_objects, symptoms_of

__all__ = ["RULES", "states_of_objects", "symptoms_of"]
