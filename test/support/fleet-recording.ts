/**
 * A recording of a member of protocol 1 and of its conductor: the bytes of the frames as they were on
 * the wire. Only a new version of the protocol adds a recording; none is ever changed.
 */
const recording = (lines: readonly string[]): Buffer => {
  const frames = lines.map(line => {
    const content = Buffer.from(line);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(content.length);
    return Buffer.concat([head, content]);
  });
  return Buffer.concat(frames);
};

const asked =
  '{"requestId":"req_1","flowId":"tenant-a","level":3,"provider":"local","model":"llama","bodyBytes":900,"maxWaitMs":null,"cost":1200.5,"tokens":700}';

export const memberOf1 = recording([
  `[{"t":"held","tickets":[{"ticket":1,"attempt":0,"pool":0,"asked":${asked},"charged":{"cost":10,"tokens":9}}]},{"t":"waiting","tickets":[{"ticket":2,"attempt":1,"pool":1,"asked":${asked},"waitedMs":12.5}]},{"t":"hello","epoch":77,"beat":1000.25,"member":{"name":"gateway-b","url":"tcp://10.0.0.2:4000","version":"0.1.0","since":"2026-11-30T09:00:00.000Z"},"isLeaving":false,"pools":["gpu","vllm"],"brings":[{"pool":"gpu","seats":1}]}]`,
  `[{"t":"enter","ticket":3,"attempt":0,"pool":0,"asked":${asked}},{"t":"leave","ticket":2,"attempt":1}]`,
  '[{"t":"progress","spent":[[1,0,14.5,12]]},{"t":"busy","ticket":1,"attempt":0,"status":429,"retryAfterMs":2000},{"t":"answered","ticket":3,"attempt":0,"status":200}]',
  '[{"t":"finish","ticket":1,"attempt":0,"end":{"how":"put_back"}},{"t":"finish","ticket":3,"attempt":0,"end":{"how":"served","spent":{"cost":20,"tokens":18}}},{"t":"finish","ticket":4,"attempt":0,"end":{"how":"unused"}}]',
  '[{"t":"beat","beat":1500,"answers":800.75,"isLeaving":true},{"t":"ask","ask":1,"what":"find","about":{"request_id":"req_1"}},{"t":"goodbye"}]',
]);
export const kindsOfMember1 = [
  ...['held', 'waiting', 'hello', 'enter', 'leave', 'progress', 'busy', 'answered', 'finish', 'finish', 'finish'],
  ...['beat', 'ask', 'goodbye'],
];

const listed =
  '{"id":"0b7e8f1c-52a4-4d0e-9d5e-0a4c2f6b8d11","name":"gateway-a","url":"tcp://10.0.0.1:4000","version":"0.1.0","since":"2026-11-30T08:00:00.000Z"}';

export const conductorOf1 = recording([
  `[{"t":"welcome","epoch":77,"beat":800.75,"answers":1000.25,"members":[${listed}]}]`,
  '[{"t":"seat","ticket":2,"attempt":1,"isQueued":true,"waitMs":40,"position":3},{"t":"refuse","ticket":3,"attempt":0,"isQueued":false,"waitMs":0,"position":12,"refusal":{"code":"pool_full","depth":1000,"bytes":268435456,"retryAfterSec":4}}]',
  `[{"t":"beat","beat":1300,"answers":1500},{"t":"list","members":[${listed}]},{"t":"closures","pool":0,"closures":[{"provider":"gpu","model":"m","forMs":2000}],"isCut":false}]`,
  `[{"t":"answer","ask":1,"value":null},{"t":"view","pool":0,"changes":{"in_use":4}},{"t":"elsewhere","epoch":78,"conductor":${listed}}]`,
]);
export const kindsOfConductor1 = [
  ...['welcome', 'seat', 'refuse', 'beat', 'list', 'closures', 'answer', 'view', 'elsewhere'],
];

/** Kinds that were added since: a gateway of protocol 1 passes over what it does not know. */
export const memberOf1Since = recording([
  '[{"t":"answer","ask":4,"value":{"sight":null},"more":true},{"t":"pong"}]',
  '[{"t":"endpoints","pool":0,"provider":"gpu","endpoints":[{"id":"http://10.0.0.7:8000","seats":8},{"id":"http://10.0.0.8:8000","seats":0}]}]',
]);
export const conductorOf1Since = recording(['[{"t":"ask","ask":4,"what":"tallies","about":{}},{"t":"ping"}]']);
