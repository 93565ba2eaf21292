import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

/** An operation of the document, with the parts that tests need. */
export interface DocumentedOperation {
  readonly method: string;
  readonly path: string;
  readonly [field: string]: any;
}

export interface ApiDocument {
  readonly document: any;
  readonly operations: readonly DocumentedOperation[];
  /** Returns the operation of a request; null if none is documented. */
  operationOf(method: string, url: string): DocumentedOperation | null;
  /** Returns the fault of a body by the operation's schema for this status, or for `default`; null if there is none. */
  faultOf(operation: DocumentedOperation, status: number, body: unknown): string | null;
  /** The same for the content of an event of a stream. */
  eventFaultOf(operation: DocumentedOperation, event: string, data: unknown): string | null;
}

const methods = ['get', 'put', 'post', 'delete', 'patch'];

/** Reads the OpenAPI document of a running gateway, to validate answers. */
export async function readApiDocument(url: string): Promise<ApiDocument> {
  const response = await fetch(`${url}/openapi.json`);
  const document = (await response.json()) as any;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  (formats as any)(ajv);
  ajv.addSchema(document, 'document');
  const operations = Object.entries<any>(document.paths).flatMap(([path, item]) =>
    methods
      .filter(method => item[method])
      .map(method => ({ ...item[method], method: method.toUpperCase(), path }) as DocumentedOperation),
  );
  const escaped = (text: string) =>
    text.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D');
  const faultAt = (place: string, value: unknown) => {
    const check = ajv.getSchema(place);
    if (check === undefined) return `no schema at ${place}`;
    return check(value) ? null : ajv.errorsText(check.errors);
  };
  const answersOf = ({ method, path }: DocumentedOperation) =>
    `document#/paths/${escaped(path)}/${method.toLowerCase()}/responses`;
  return {
    document,
    operations,
    operationOf(method, asked) {
      const segments = asked.split('?')[0]?.split('/') ?? [];
      const fits = (path: string) => {
        const own = path.split('/');
        return own.length === segments.length && own.every((part, at) => part.startsWith('{') || part === segments[at]);
      };
      const found = operations.filter(one => one.method === method && fits(one.path));
      // A literal segment wins over a parameter, as in the router.
      return found.sort((a, b) => a.path.split('{').length - b.path.split('{').length)[0] ?? null;
    },
    faultOf(operation, status, body) {
      const { method, path, responses } = operation;
      const answer = responses[status] ? String(status) : 'default';
      const type = responses[answer]?.content?.['application/json'];
      if (type === undefined) return `${method} ${path} documents no ${status}`;
      return faultAt(`${answersOf(operation)}/${answer}/content/application~1json/schema`, body);
    },
    eventFaultOf: (operation, event, data) =>
      faultAt(`${answersOf(operation)}/200/content/text~1event-stream/x-events/${event}`, data),
  };
}
