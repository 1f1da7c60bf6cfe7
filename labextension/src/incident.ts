// Which notebook is an incident's, and which of its cells is which.

import { CodeCell } from '@jupyterlab/cells';
import { NotebookPanel } from '@jupyterlab/notebook';

const OPENING = 'workbench-open';

/** Say whether the notebook was composed for an alert: `metadata.workbench` names it. */
export function isIncident(panel: NotebookPanel | null): panel is NotebookPanel {
  return panel !== null && alertOf(panel) !== '';
}

/** Return the id of the alert that the notebook was composed for. */
export function alertOf(panel: NotebookPanel): string {
  const mark = panel.content.model?.getMetadata('workbench') as { alert?: unknown } | undefined;
  return typeof mark?.alert === 'string' ? mark.alert : '';
}

/**
 * Return the cells tagged `workbench-open`, in their order; none if the document is not trusted.
 *
 * Trust is Jupyter's own: the server marks cells as trusted when the document carries a signature made on this machine.
 * A notebook that came by mail has none, so opening it runs nothing.
 */
export function openingCells(panel: NotebookPanel): CodeCell[] {
  const tagged = panel.content.widgets.filter((cell): cell is CodeCell => {
    const tags = cell.model.getMetadata('tags') as unknown;
    return cell instanceof CodeCell && Array.isArray(tags) && tags.includes(OPENING);
  });
  return tagged.every(cell => cell.model.trusted) ? tagged : [];
}
