export default {
  // a worker imports its modules when it is asked for them, which Vite's other format cannot
  worker: { format: "es" }
}
