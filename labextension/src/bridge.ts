// The kernel's line to the lab: each message is a comm of its own, so a reload of the page loses nothing.

import { Cell, CodeCell } from '@jupyterlab/cells';
import { NotebookPanel } from '@jupyterlab/notebook';
import { Kernel, KernelMessage } from '@jupyterlab/services';
import { JSONObject } from '@lumino/coreutils';

import { insertCell } from './cells';

/** Name of the comm target, as in `workbench/notebook/nextcell.py`. */
export const TARGET = 'workbench';

/** Answer the kernels of this panel: `hello` with `here`, `insert` with `inserted` or `refused`; `save` saves. */
export function answerKernels(panel: NotebookPanel, lastRun: () => Cell | null): void {
  const register = (kernel: Kernel.IKernelConnection | null | undefined) =>
    kernel?.registerCommTarget(TARGET, (comm, message) => answer(panel, comm, message, lastRun));
  panel.sessionContext.kernelChanged.connect((_, change) => register(change.newValue));
  register(panel.sessionContext.session?.kernel);
}

function answer(
  panel: NotebookPanel,
  comm: Kernel.IComm,
  message: KernelMessage.ICommOpenMsg,
  lastRun: () => Cell | null
): void {
  const said = message.content.data as JSONObject;
  if (said.action === 'hello') {
    comm.send({ action: 'here' }); // stays open: it tells the next page that this kernel holds a case
    return;
  }
  if (said.action === 'save') {
    void saveWhenIdle(panel); // so that the file holds the output of the very cell that asks
    comm.close();
    return;
  }
  const cell =
    said.action === 'insert' && typeof said.source === 'string'
      ? insertCell(panel, {
          source: said.source,
          id: typeof said.id === 'string' && said.id ? said.id : undefined,
          below: asking(panel, message) ?? lastRun()
        })
      : null;
  comm.send({ action: cell ? 'inserted' : 'refused' });
  comm.close();
}

/** Return the cell whose run sent the message. */
function asking(panel: NotebookPanel, message: KernelMessage.ICommOpenMsg): Cell | null {
  const parent = (message.parent_header as { msg_id?: string }).msg_id;
  const sent = (cell: Cell) => cell instanceof CodeCell && cell.outputArea.future?.msg.header.msg_id === parent;
  return parent ? (panel.content.widgets.find(sent) ?? null) : null;
}

/** Save the notebook once the running cell has ended. */
async function saveWhenIdle(panel: NotebookPanel): Promise<void> {
  await panel.sessionContext.session?.kernel?.requestKernelInfo(); // answered after what is running now
  if (!panel.isDisposed && !panel.context.model.readOnly) {
    await panel.context.save();
  }
}
