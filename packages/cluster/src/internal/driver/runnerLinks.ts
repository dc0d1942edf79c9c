/**
 * The connections of this process to each runner: to one that has stalled they are given up together (K4).
 */
import type { Beats } from "../link/beats.ts"
import type { Link } from "../link/link.ts"
import * as vigil from "../link/vigil.ts"

export class RunnerLinks {
  private readonly links = new Map<string, Set<Link>>()

  /** Watches over a connection to the runner of that name, until it closes. */
  watch(runner: string, link: Link, suspectAfter: number): Beats {
    const links = this.links.get(runner) ?? new Set()
    this.links.set(runner, links.add(link))
    link.onRelease(() => {
      links.delete(link)
      if (links.size === 0) this.links.delete(runner)
    })
    return vigil.suspect(link, suspectAfter, () => links)
  }
}
