/** The soak's clients, in a process of their own: an open stream of arrivals, and the result of each. */
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Random } from '../../bench/sim/random.ts';

export interface LoadPlan {
  readonly url: string;
  readonly keys: readonly string[];
  readonly perSec: number;
  readonly seed: number;
}

export interface LoadCounts {
  readonly sent: number;
  readonly served: number;
  /** Refused requests by status. */
  readonly refused: Readonly<Record<string, number>>;
  /** The client left. */
  readonly aborted: number;
  /** The connection broke although the client stayed: never, unless the upstream broke off a plain answer. */
  readonly broken: number;
  readonly open: number;
}

const paths = ['/v1/chat/completions', '/v1/messages', '/v1/responses'];
const abortShare = 0.35;
const slowShare = 0.05;

class Load {
  readonly #plan: LoadPlan;
  readonly #random: Random;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 10_000 });
  readonly counts = { sent: 0, served: 0, refused: {} as Record<string, number>, aborted: 0, broken: 0, open: 0 };
  #timer: NodeJS.Timeout | null = null;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    this.#random = new Random(plan.seed);
  }

  run(): void {
    const next = () => {
      this.#send();
      this.#timer = setTimeout(next, this.#random.exponential(1_000 / this.#plan.perSec));
    };
    next();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    // Kept connections are closed once no request is in progress.
    const close = () => (this.counts.open === 0 ? this.#agent.destroy() : setTimeout(close, 50));
    close();
  }

  #send(): void {
    const random = this.#random;
    const path = paths[random.integer(paths.length)] ?? '';
    const body = bodyOf(random);
    const req = request(this.#plan.url + path, {
      method: 'POST',
      // A client that leaves closes its connection; some others keep theirs.
      agent: random.uniform() < 0.5 ? this.#agent : false,
      headers: {
        authorization: `Bearer ${this.#plan.keys[random.integer(this.#plan.keys.length)]}`,
        'content-length': Buffer.byteLength(body),
        ...(random.uniform() < 0.1 ? { 'x-priority': String(random.integer(10)) } : {}),
      },
    });
    this.counts.sent++;
    this.counts.open++;
    this.#follow(req, random.uniform() < abortShare);
    req.end(body);
  }

  #follow(req: ReturnType<typeof request>, leaves: boolean): void {
    const random = this.#random;
    let end: 'aborted' | 'served' | 'broken' | 'refused' | null = null;
    const leave = () => {
      end ??= 'aborted';
      req.destroy();
    };
    // Half of those that leave do so while they wait, the others after some bytes of the answer.
    const waitsMs = leaves && random.uniform() < 0.5 ? 100 + random.exponential(400) : null;
    const timer = waitsMs === null ? null : setTimeout(leave, waitsMs);
    const bytesLeft = leaves && waitsMs === null ? random.integer(30_000) : Number.POSITIVE_INFINITY;
    req.on('response', res => {
      let bytes = 0;
      const isSlow = random.uniform() < slowShare;
      res.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (bytes >= bytesLeft) leave();
        else if (isSlow) {
          res.pause();
          setTimeout(() => res.resume(), 20);
        }
      });
      res.on('error', () => {});
      res.on('end', () => {
        if (end !== null) return;
        end = res.statusCode === 200 ? 'served' : 'refused';
        if (end === 'refused')
          this.counts.refused[String(res.statusCode)] = (this.counts.refused[String(res.statusCode)] ?? 0) + 1;
      });
    });
    req.on('error', () => {});
    const close = () => {
      if (timer !== null) clearTimeout(timer);
      this.counts.open--;
      end ??= 'broken';
      if (end !== 'refused') this.counts[end]++;
    };
    // The bytes of a slow reader may end after its connection.
    let hasAnswer = false;
    req.on('response', res => {
      hasAnswer = true;
      res.on('close', close);
    });
    req.on('close', () => hasAnswer || close());
  }
}

/** Mostly short, some of a megabyte. */
function bodyOf(random: Random): string {
  const chars = random.uniform() < 0.01 ? random.integer(2 ** 20) : random.integer(4_000);
  const messages = [{ role: 'user', content: 'x "q" \\ \n'.repeat(chars / 9) }];
  return JSON.stringify({ model: `m${random.integer(5)}`, stream: true, max_tokens: 100, messages });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  let load: Load | null = null;
  process.on('message', (message: LoadPlan | 'stop' | 'counts') => {
    if (message === 'stop') load?.stop();
    else if (message === 'counts') process.send?.({ counts: load?.counts });
    else {
      load = new Load(message);
      load.run();
    }
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ port: 0 });
}
