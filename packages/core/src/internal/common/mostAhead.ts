/** How many chunks a worker that is far away has at most, unless it runs more at once: its control block has cells for these. */
export const mostAhead = 32
