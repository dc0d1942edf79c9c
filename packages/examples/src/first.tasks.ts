/** How many primes there are in a range of numbers: plain code, and no library in the worker. */
export const countPrimes = ([from, to]: readonly [number, number]): number => {
  let count = 0
  for (let n = Math.max(from, 2); n < to; n++) {
    let divisor = 2
    while (divisor * divisor <= n && n % divisor !== 0) divisor++
    if (divisor * divisor > n) count++
  }
  return count
}
