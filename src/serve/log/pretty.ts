import pc from 'picocolors';

type Colors = ReturnType<typeof pc.createColors>;
type Paint = (text: string) => string;

/** What every line has, which says nothing to whoever sits before the terminal. */
const UNSAID = new Set(['level', 'time', 'pid', 'hostname', 'name', 'msg', 'event']);

/** A line of the log, JSON as pino writes it, as a line for people: the time, the level, the message, the rest. */
export function prettyLine(json: string, colors: Colors = pc.createColors(false)): string {
  const record: Readonly<Record<string, unknown>> = JSON.parse(json);
  const level = String(record.level);
  const time = new Date(String(record.time)).toTimeString().slice(0, 8);
  const rest = Object.entries(record)
    .filter(([key, value]) => !UNSAID.has(key) && value !== undefined)
    .map(([key, value]) => ` ${colors.dim(`${key}=`)}${valueText(value)}`);
  return `${colors.dim(time)} ${paintOf(level, colors)(level.toUpperCase().padEnd(5))} ${printable(String(record.msg))}${rest.join('')}\n`;
}

function paintOf(level: string, colors: Colors): Paint {
  if (level === 'error' || level === 'fatal') return colors.red;
  if (level === 'warn') return colors.yellow;
  return level === 'info' ? colors.green : colors.dim;
}

function valueText(value: unknown): string {
  if (typeof value === 'string' && /^[\w./:@+-]+$/.test(value)) return value;
  return printable(JSON.stringify(value));
}

/** Somebody else may have chosen the text: no line breaks, no escape sequences. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}
