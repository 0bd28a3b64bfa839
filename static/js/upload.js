// fetch() with upload progress.

// `progress` gets the bytes sent and the total.
export function upload(path, { method, headers, body, signal }, progress) {
  return new Promise((resolve, reject) => {
    const asked = new XMLHttpRequest();
    asked.open(method, path);
    for (const [name, value] of Object.entries(headers)) asked.setRequestHeader(name, value);
    asked.upload.addEventListener("progress", ({ loaded, total }) => progress(loaded, total));
    asked.addEventListener("load", () => resolve(answer(asked)));
    for (const type of ["error", "abort", "timeout"])
      asked.addEventListener(type, () => reject(new TypeError(`${path}: ${type}`)));
    signal.addEventListener("abort", () => asked.abort());
    if (signal.aborted) reject(signal.reason);
    else asked.send(body);
  });
}

function answer(asked) {
  const wait = asked.getResponseHeader("Retry-After");
  return new Response(asked.responseText, { status: asked.status, headers: wait ? { "Retry-After": wait } : {} });
}
