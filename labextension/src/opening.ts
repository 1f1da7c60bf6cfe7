// Runs the opening cells once, when an incident's notebook opens, so that its buttons live.

import { CodeCell } from '@jupyterlab/cells';
import { NotebookActions, NotebookPanel } from '@jupyterlab/notebook';
import { Kernel } from '@jupyterlab/services';

import { TARGET } from './bridge';
import { alertOf, isIncident, openingCells } from './incident';

/**
 * Run the opening cells of the panel, at most once; say whether it was run.
 *
 * It is left alone where there is no kernel (nobody is asked to choose one), where this kernel holds the case already
 * (a reload must not undo what was done in it), and where a person was faster. What fails or is stopped stays so.
 */
export async function runOpening(panel: NotebookPanel, wasRun: (cell: CodeCell) => boolean): Promise<boolean> {
  await panel.context.ready;
  await panel.sessionContext.ready;
  const kernel = panel.sessionContext.session?.kernel;
  if (!kernel || !isIncident(panel)) {
    return false;
  }
  await kernel.info;
  // answered by the kernel itself, so it has started, and is idle, once the answer is here
  const { content } = await kernel.requestCommInfo({ target_name: TARGET });
  const live = content.status === 'ok' && Object.keys(content.comms).length > 0;
  const cells = panel.isDisposed || live ? [] : openingCells(panel);
  if (!cells.length || cells.some(wasRun) || panel.sessionContext.session?.kernel !== kernel) {
    return false;
  }
  await warm(panel, kernel);
  if (panel.isDisposed || cells.some(wasRun) || panel.sessionContext.session?.kernel !== kernel) {
    return false;
  }
  return NotebookActions.runCells(panel.content, cells, panel.sessionContext);
}

/**
 * Let the kernel import and open the case before the cell runs: running a cell clears what it showed, and the first
 * screen that the file holds should stand until the new one is a blink away. What fails here fails again in the cell.
 */
async function warm(panel: NotebookPanel, kernel: Kernel.IKernelConnection): Promise<void> {
  const code = `__import__("workbench.desk", fromlist=["door"]).door.warm(${JSON.stringify(alertOf(panel))})`;
  await kernel.requestExecute({ code, silent: true, store_history: false, stop_on_error: false }).done;
}
