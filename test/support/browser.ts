/** The console in a real browser: Debian's Chromium, driven by playwright-core. */
import { existsSync } from 'node:fs';
import { after, type TestContext, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { adminKey, startGateway, type TestGateway } from './gateway.ts';
import { freshDatabase } from './postgres.ts';

const places = [
  process.env.TOKLIGENCE_TEST_BROWSER,
  // The same browser without windows, which takes half the time.
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
export const browserPath = places.find(place => place !== undefined && existsSync(place)) ?? null;

/** A test that needs a browser; without one it is skipped with a message. */
export function browserTest(name: string, run: (t: TestContext) => Promise<void>): void {
  const skip = browserPath === null && 'no Chromium on this machine (TOKLIGENCE_TEST_BROWSER names another place)';
  void test(name, { skip, timeout: 110_000 }, run);
}

let launched: Promise<Browser> | null = null;
after(async () => (await launched)?.close());

/** One browser for all tests of a file; each test has a context of its own. */
export const browser = (): Promise<Browser> =>
  (launched ??= chromium.launch({
    executablePath: browserPath ?? '',
    // Without a locale it cannot write a download to a path with umlauts.
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
    // Chromium does not start its sandbox as root; the other flags disable network access.
    args: [
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  }));

export interface Look {
  readonly language?: 'en' | 'zh';
  readonly scheme?: 'light' | 'dark';
  readonly width?: number;
  readonly height?: number;
  readonly timeZone?: string;
}

export interface Console {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly gateway: TestGateway;
  /** Opens a page of the console, for example `/mappings`. */
  visit(path: string): Promise<void>;
}

const ini = `[provider.local]
type = loopback
service_ms = 20
chunk_ms = 1
max_concurrent = 4`;

interface ConsoleOptions extends Look {
  /** Team by default. */
  readonly edition?: 'team' | 'personal';
  readonly ini?: string;
  readonly gateway?: TestGateway;
  /** Signed in as the root admin by default. */
  readonly signedIn?: boolean;
}

/** A gateway with mapping enabled, and a browser signed in to its console. */
export async function openConsole(t: TestContext, options: ConsoleOptions = {}): Promise<Console> {
  const { edition = 'team', signedIn = true } = options;
  const gateway = options.gateway ?? (await startConsoleGateway(t, edition, options.ini ?? ini));
  const context = await newContext(t, options);
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  watchFaults(t, page, gateway.url);
  if (signedIn) await signIn(context, gateway.url);
  return { page, context, gateway, visit: async path => void (await page.goto(`${gateway.url}/console${path}`)) };
}

async function startConsoleGateway(t: TestContext, edition: 'team' | 'personal', text: string): Promise<TestGateway> {
  if (edition === 'personal') return startGateway(t, { ini: text });
  return startGateway(t, {
    database: (await freshDatabase(t)).url,
    ini: `[api_key_priority]\nenabled = true\n${text}`,
  });
}

export async function newContext(t: TestContext, look: Look = {}): Promise<BrowserContext> {
  const { language = 'en', scheme = 'light', width = 1280, height = 800, timeZone = 'UTC' } = look;
  const context = await (await browser()).newContext({
    viewport: { width, height },
    locale: language === 'zh' ? 'zh-CN' : 'en-GB',
    colorScheme: scheme,
    timezoneId: timeZone,
    reducedMotion: 'reduce',
  });
  t.after(() => context.close());
  return context;
}

/** Signs in like the sign-in page; the context then has the cookie. */
export async function signIn(context: BrowserContext, url: string, key = adminKey): Promise<void> {
  const answer = await context.request.post(`${url}/admin/session`, {
    data: { key },
    headers: { 'x-tokligence-console': '1' },
  });
  if (answer.status() !== 201) throw new Error(`cannot sign in: ${answer.status()} ${await answer.text()}`);
}

/** Fails the test if a page throws, violates its own policy, or sends a request to another host. */
function watchFaults(t: TestContext, page: Page, url: string): void {
  const faults: string[] = [];
  page.on('pageerror', error => faults.push(String(error)));
  page.on('console', message => {
    if (/Content Security Policy|Refused to|React|Warning:/.test(message.text())) faults.push(message.text());
  });
  page.on('request', request => {
    if (!request.url().startsWith(url) && !/^(data|blob|about):/.test(request.url())) faults.push(request.url());
  });
  t.after(() => {
    if (faults.length > 0) throw new Error(`the page did what no page may do:\n${faults.join('\n')}`);
  });
}

/** Returns the serious and critical findings of axe-core about the present page. */
export async function seriousFaults(page: Page): Promise<string[]> {
  const axe = new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ['violations'] });
  const { violations } = await axe.analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
}
