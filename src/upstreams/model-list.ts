import type { Client, Dispatcher } from 'undici';
import type { Clock } from '../domain/clock.ts';
import type { ListedModel } from './provider.ts';

const timeoutMs = 5_000;
const maxBytes = 4 * 1024 * 1024;

interface ModelListRequest {
  readonly client: Client;
  readonly path: string;
  readonly headers: readonly string[];
  /** Where the upstream does not say. */
  readonly ownedBy: string;
  readonly clock: Clock;
}

/** Asks an upstream for its models; rejects where the answer is late, too long or none. */
export async function fetchModels({ client, path, headers, ownedBy, clock }: ModelListRequest): Promise<ListedModel[]> {
  const late = new AbortController();
  const cancel = clock.after(timeoutMs, () => late.abort());
  try {
    const answer = await client.request({ method: 'GET', path, headers: [...headers], signal: late.signal });
    const text = await readText(answer);
    if (answer.statusCode !== 200) throw new Error(`status ${answer.statusCode}`);
    return modelsIn(JSON.parse(text), ownedBy);
  } finally {
    cancel();
  }
}

async function readText({ body }: Dispatcher.ResponseData): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** OpenAI's shape, and Anthropic's, which differs in the dates only. */
function modelsIn(list: unknown, ownedBy: string): ListedModel[] {
  const data = typeof list === 'object' && list !== null && 'data' in list ? list.data : undefined;
  if (!Array.isArray(data)) throw new Error('no list of models');
  return data.flatMap((entry: Partial<ListedModel & { created_at: string }> | null) => {
    if (typeof entry?.id !== 'string' || entry.id === '') return [];
    const created = entry.created ?? Math.floor(Date.parse(entry.created_at ?? '') / 1000);
    return [
      {
        id: entry.id,
        created: Number.isFinite(created) ? created : 0,
        owned_by: typeof entry.owned_by === 'string' ? entry.owned_by : ownedBy,
      },
    ];
  });
}
