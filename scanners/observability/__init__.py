"""What watches an estate, and what it has seen: dashboards, rules and targets, traces."""
