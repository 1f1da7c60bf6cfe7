// Puts a cell into a notebook, unrun.

import { Cell, CodeCell } from '@jupyterlab/cells';
import { NotebookPanel } from '@jupyterlab/notebook';

const LONGEST = 20_000;

/** What to insert, and where. */
export interface IProposal {
  /** Plain Python, as a person could have typed it. */
  source: string;
  /** Name of the proposal: one that is in the notebook already is not inserted again. */
  id?: string;
  /** The cell to insert below. */
  below: Cell | null;
}

/** Return the cell that holds the proposal: a new one, or the one below that says the same already. */
export function insertCell(panel: NotebookPanel, { source, id, below }: IProposal): CodeCell | null {
  const { content } = panel;
  const model = content.model;
  if (!model || model.readOnly || !source.trim() || source.length > LONGEST) {
    return null;
  }
  const anchor = below && content.widgets.indexOf(below) >= 0 ? below : content.activeCell;
  const index = anchor ? content.widgets.indexOf(anchor) + 1 : content.widgets.length;
  const there = alike(panel, source, id, index) ?? (id ? overtaken(panel, source, id) : null);
  if (there) {
    return there;
  }
  model.sharedModel.insertCell(index, {
    cell_type: 'code',
    source,
    metadata: { trusted: true, workbench: { proposal: id ?? '', source } }
  });
  return content.widgets[index] as CodeCell;
}

/** Return the cell that holds this: the proposal of that name, an unrun proposal that says the same, or the cell below. */
function alike(panel: NotebookPanel, source: string, id: string | undefined, index: number): CodeCell | null {
  const same = (cell: Cell | undefined): cell is CodeCell =>
    cell instanceof CodeCell && cell.model.sharedModel.getSource() === source;
  for (const cell of panel.content.widgets) {
    const proposal = (cell.model.getMetadata('workbench') as { proposal?: unknown } | undefined)?.proposal;
    const waiting = cell instanceof CodeCell && cell.model.executionCount === null;
    if (cell instanceof CodeCell && proposal !== undefined && ((id && proposal === id) || (waiting && same(cell)))) {
      return cell;
    }
  }
  const next = panel.content.widgets[index];
  return same(next) ? next : null;
}

/** Put the new proposal in the place of one that nobody ran or touched, so that stale ones do not pile up. */
function overtaken(panel: NotebookPanel, source: string, id: string): CodeCell | null {
  for (const cell of panel.content.widgets) {
    const mark = cell.model.getMetadata('workbench') as { proposal?: unknown; source?: unknown } | undefined;
    const untouched = mark?.proposal && mark.source === cell.model.sharedModel.getSource();
    if (cell instanceof CodeCell && untouched && cell.model.executionCount === null) {
      cell.model.sharedModel.setSource(source);
      cell.model.setMetadata('workbench', { proposal: id, source });
      return cell;
    }
  }
  return null;
}
