import { SignedOut } from "server";

const RETRY_AFTER = 2000; // ms

// Runs an async function, one run at a time: a start() during a run causes one more. A run that fails is repeated after
// two seconds, or as soon as the stream is connected.
export class RetryingTask {
  static #failed = new Set();
  #run;
  #isRunning = false;
  #isDue = false;

  constructor(run) {
    this.#run = run;
  }

  static {
    document.addEventListener("connection", ({ detail }) => {
      if (detail.connected) for (const task of RetryingTask.#failed) task.start();
    });
  }

  async start() {
    this.#isDue = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    RetryingTask.#failed.delete(this);
    try {
      while (this.#isDue) {
        this.#isDue = false;
        await this.#run();
      }
    } catch (error) {
      if (error instanceof SignedOut) return location.reload();
      RetryingTask.#failed.add(this);
      setTimeout(() => RetryingTask.#failed.has(this) && this.start(), RETRY_AFTER);
    } finally {
      this.#isRunning = false;
    }
  }

  // Cancels repetitions; a run under way ends by itself.
  stop() {
    this.#isDue = false;
    RetryingTask.#failed.delete(this);
  }
}
