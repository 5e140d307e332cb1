/** A draw from the standard normal distribution, of two numbers in [0, 1) (Box and Muller's). */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
