export const pools = {
  title: 'Pools and providers',
};
