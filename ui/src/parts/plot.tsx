import 'uplot/dist/uPlot.min.css';
import './plot.css';
import { useElementSize, useMergedRef } from '@mantine/hooks';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import UPlot from 'uplot';
import type { ChartProps } from './chart-props.ts';

/** A chart on a canvas: redrawing it each second costs a fraction of an SVG with as many points. */
export default function Plot(props: ChartProps) {
  const { label, times, lines, height, leastTop = 1, isSmall = false } = props;
  const { t, i18n } = useTranslation();
  const { ref: measured, width } = useElementSize<HTMLDivElement>();
  const container = useRef<HTMLDivElement>(null);
  const ref = useMergedRef(measured, container);
  const plot = useRef<UPlot | null>(null);
  const drawn = { times, lines };
  const latest = useRef(drawn);
  latest.current = drawn;
  // The construction parameters of a plot; a change of them creates another one.
  const shape = lines.map(({ name, color }) => `${name} ${color}`).join();

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for the lines
  useEffect(() => {
    const parent = container.current;
    if (parent === null || width === 0) return;
    const made = new UPlot(optionsOf(props, width, i18n.language, t('time')), dataOf(latest.current), parent);
    plot.current = made;
    return () => {
      plot.current = null;
      made.destroy();
    };
  }, [width, height, leastTop, isSmall, shape, i18n.language]);

  useEffect(() => plot.current?.setData(dataOf({ times, lines })), [times, lines]);

  return <div ref={ref} role="img" aria-label={label} style={{ minHeight: height, overflow: 'hidden' }} />;
}

function optionsOf(
  { lines, height, leastTop = 1, isSmall = false, valueText }: ChartProps,
  width: number,
  language: string,
  timeLabel: string,
): UPlot.Options {
  const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const grid = { stroke: color('--mantine-color-default-border'), width: 1 };
  const axis = { show: !isSmall, stroke: color('--mantine-color-text'), grid, ticks: grid };
  const format = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const clock = (at: number) => format.format(at * 1_000);
  return {
    width,
    height,
    legend: { show: !isSmall },
    cursor: { show: !isSmall, drag: { x: false, y: false } },
    padding: isSmall ? [2, 2, 2, 2] : [8, 8, 0, 0],
    scales: { y: { range: (_self, _min, max) => [0, Math.max(max ?? 0, leastTop) * 1.1] } },
    axes: [
      { ...axis, values: (_self, ticks) => ticks.map(clock) },
      { ...axis, size: 64, values: (_self, ticks) => ticks.map(valueText) },
    ],
    series: [
      { label: timeLabel, value: (_self, at) => (at === null ? '–' : clock(at)) },
      ...lines.map(line => seriesOf(line, valueText)),
    ],
  };
}

const seriesOf = ({ name, color, dash }: ChartProps['lines'][number], valueText: ChartProps['valueText']) => ({
  label: name,
  stroke: color,
  width: 1.5,
  ...(dash ? { dash: [...dash] } : {}),
  points: { show: false, filter: lonePoints, size: 4, fill: color },
  value: (_self: UPlot, value: number | null) => valueText(value),
});

/** Between two gaps there is no line to draw, but a point. */
function lonePoints({ data }: UPlot, series: number): number[] {
  const values = data[series] ?? [];
  const isGap = (index: number) => values[index] === null || values[index] === undefined;
  return [...values.keys()].filter(index => !isGap(index) && isGap(index - 1) && isGap(index + 1));
}

const dataOf = ({ times, lines }: Pick<ChartProps, 'times' | 'lines'>): UPlot.AlignedData => [
  times.map(at => at / 1_000),
  ...lines.map(({ values }) => [...values]),
];
