// How the workbench stands, as its server says: asked every ten seconds while somebody looks, else every minute.

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { ISignal, Signal } from '@lumino/signaling';

/** Milliseconds between two questions: while the panel is in sight, and otherwise. */
const OFTEN = 10_000;
const SELDOM = 60_000;

/** An open incident. */
export interface IIncident {
  id: string;
  title: string;
  severity: string;
  fired: string;
  state: string;
  because: string;
  resolved: string | null;
  alerts: number;
  summary: string;
  confidence: number | null;
  dollars: number;
  notebook: boolean;
  link: string;
}

/** Something that waits for a person's word. */
export interface IReview {
  kind: string;
  words: string;
  line: string;
  link: string;
}

/** One source of the graph, for one scope. */
export interface IScanned {
  source: string;
  scope: string;
  state: string;
  seen: string;
  facts: number;
  left: number;
}

/** A budget in US dollars; a cap of 0 is none. */
export interface IPurse {
  name: string;
  used: number;
  held: number;
  cap: number;
}

/** What `GET workbench/api/status` answers. */
export interface IStatus {
  at: string;
  incidents: IIncident[];
  review: IReview[];
  scans: IScanned[];
  purses: IPurse[];
  problems: string[];
}

/** The latest status, and why there is no later one where there is none. */
export class Standing {
  constructor(private readonly server: ServerConnection.ISettings) {}

  /** The latest answer; null before the first. */
  known: IStatus | null = null;
  /** Why the latest question was not answered; empty where it was. */
  problem = '';

  /** Emitted after each question. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The address of a link below the server's base address. */
  address(link: string): string {
    return URLExt.join(this.server.baseUrl, link);
  }

  /** Ask from now on; more often while `seen` says so. */
  start(seen: () => boolean): void {
    const turn = async () => {
      if (!document.hidden) {
        await this.ask();
      }
      window.setTimeout(turn, seen() ? OFTEN : SELDOM);
    };
    void turn();
  }

  /** Ask now. */
  async ask(): Promise<void> {
    try {
      const answer = await ServerConnection.makeRequest(this.address('workbench/api/status'), {}, this.server);
      if (!answer.ok) {
        throw new Error(answer.status === 404 ? 'the server extension is not enabled' : `the server answered ${answer.status}`);
      }
      this.known = (await answer.json()) as IStatus;
      this.problem = '';
    } catch (reason) {
      this.problem = `Nothing newer is known: ${reason instanceof Error ? reason.message : String(reason)}.`;
    }
    this._changed.emit();
  }

  private _changed = new Signal<this, void>(this);
}

/** One line for the status bar. */
export function inShort(known: IStatus): string {
  const firing = known.incidents.filter(each => !each.resolved).length;
  const today = known.purses[0];
  const waiting = known.review.length ? ` \u00b7 ${known.review.length} to review` : '';
  return `${firing} open${waiting}${today ? ` \u00b7 ${dollars(today.used)} today` : ''}`;
}

/** US dollars, as a person writes them. */
export function dollars(amount: number): string {
  return `$${amount.toFixed(2)}`;
}

/** How long before `now` a moment was. */
export function since(moment: string, now: string): string {
  const seconds = Math.max(0, (Date.parse(now) - Date.parse(moment)) / 1000);
  for (const [size, word] of [[172_800, 'd'], [5_400, 'h'], [60, 'min']] as const) {
    if (seconds >= size) {
      return `${Math.round(seconds / (word === 'd' ? 86_400 : word === 'h' ? 3_600 : 60))} ${word}`;
    }
  }
  return `${Math.round(seconds)} s`;
}
