const decimalUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];

/** `1.234MB`: four significant digits in decimal units, as docker/go-units HumanSize. */
export function describeSize(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  while (amount >= 1000 && unit < decimalUnits.length - 1) {
    amount /= 1000;
    unit++;
  }
  return `${Number(amount.toPrecision(4))}${decimalUnits[unit]}`;
}
