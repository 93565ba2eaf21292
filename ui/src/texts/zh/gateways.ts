import type { Texts } from '../shape.ts';

export const gateways: Texts['gateways'] = {
  title: '网关实例',
  hint: '共享各池席位的网关实例，以当前网关所见为准。',
  fleet: '集群 {{fleet}}',
  fleetHint: '纪元 {{epoch}}。由主控分配席位，其他实例向它申请。车道页面显示所有实例的请求。',
  noConductor: '目前没有实例担任主控',
  noConductorWhat: '在选出主控之前，无法得知哪些请求在等待或运行。',
  notHeard: '目前没有响应：{{names}}',
  notHeardWhat: '这里缺少它所掌握的请求信息。',
  alone: '未加入集群',
  aloneHint: '此网关的席位由它独占：未启用 [cluster]。',
  name: '名称',
  role: '角色',
  role_conductor: '主控',
  role_member: '成员',
  role_candidate: '正在寻找主控',
  role_isolated: '已隔离：不再启动请求',
  seats: '占用席位',
  lastBeat: '最近心跳',
  version: '版本',
  process: '进程',
};
