// The lab side of the incident workbench: runs the opening cell, inserts the agent's next cell unrun, steps by key.

import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { CommandToolbarButton, ICommandPalette } from '@jupyterlab/apputils';
import { Cell } from '@jupyterlab/cells';
import { INotebookTracker, NotebookActions, NotebookPanel } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';

import { answerKernels } from './bridge';
import { insertCell } from './cells';
import { front } from './front';
import { isIncident } from './incident';
import { runOpening } from './opening';

const ID = 'incident-workbench:plugin';
const INSERT = 'workbench:insert-next';
const STEP = 'workbench:next-step';
/** What a step is in Python; the command writes it into a cell, so that nothing is hidden. */
const STEP_LINE = 'case.step()';

const plugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: "Runs an incident notebook's opening cell and inserts the agent's next cell.",
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ICommandPalette, ISettingRegistry],
  activate
};

function activate(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  palette: ICommandPalette | null,
  registry: ISettingRegistry | null
): void {
  const latest = new WeakMap<object, Cell>();
  const run = new WeakSet<Cell>();
  NotebookActions.executionScheduled.connect((_, { notebook, cell }) => {
    latest.set(notebook, cell);
    run.add(cell);
  });
  const lastRun = (panel: NotebookPanel) => latest.get(panel.content) ?? null;

  addCommands(app, tracker, lastRun);
  palette?.addItem({ command: STEP, category: 'Incident workbench' });
  const settings = registry?.load(ID).catch(reason => {
    console.warn('The settings of the incident workbench could not be read; its defaults hold.', reason);
    return null;
  });

  tracker.currentChanged.connect(() => app.commands.notifyCommandChanged(STEP));
  tracker.widgetAdded.connect(async (_, panel) => {
    answerKernels(panel, () => lastRun(panel));
    panel.sessionContext.statusChanged.connect(() => app.commands.notifyCommandChanged(STEP));
    await panel.context.ready;
    if (!isIncident(panel)) {
      return;
    }
    const button = new CommandToolbarButton({ commands: app.commands, id: STEP, label: 'Step' });
    panel.toolbar.insertItem(10, 'workbench-step', button);
    const wanted = (await settings)?.get('runOnOpen').composite ?? true;
    if (wanted) {
      await runOpening(panel, cell => run.has(cell));
    }
  });
}

function addCommands(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  lastRun: (panel: NotebookPanel) => Cell | null
): void {
  const idle = (panel: NotebookPanel) => panel.sessionContext.session?.kernel?.status === 'idle';

  app.commands.addCommand(INSERT, {
    label: 'Workbench: insert the next cell',
    execute: ({ source, id }) => {
      const panel = tracker.currentWidget;
      if (panel && typeof source === 'string') {
        insertCell(panel, { source, id: typeof id === 'string' ? id : undefined, below: lastRun(panel) });
      }
    }
  });
  app.commands.addCommand(STEP, {
    label: 'Workbench: next step',
    caption: `Write ${STEP_LINE} into a cell and run it`,
    isEnabled: () => isIncident(tracker.currentWidget) && idle(tracker.currentWidget),
    isVisible: () => isIncident(tracker.currentWidget),
    execute: async () => {
      const panel = tracker.currentWidget;
      const cell = isIncident(panel) ? insertCell(panel, { source: STEP_LINE, below: lastRun(panel) }) : null;
      if (panel && cell) {
        await NotebookActions.runCells(panel.content, [cell], panel.sessionContext);
      }
    }
  });
}

export default [plugin, front];
