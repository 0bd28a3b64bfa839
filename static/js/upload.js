// fetch() with upload progress.

// `progress` gets the bytes sent and the total.
export function upload(path, { method, headers, body, signal }, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, path);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", ({ loaded, total }) => progress(loaded, total));
    request.addEventListener("load", () => resolve(responseOf(request)));
    for (const type of ["error", "abort", "timeout"])
      request.addEventListener(type, () => reject(new TypeError(`${path}: ${type}`)));
    signal.addEventListener("abort", () => request.abort());
    if (signal.aborted) reject(signal.reason);
    else request.send(body);
  });
}

function responseOf(request) {
  const retryAfter = request.getResponseHeader("Retry-After");
  return new Response(request.responseText, {
    status: request.status,
    headers: retryAfter ? { "Retry-After": retryAfter } : {},
  });
}
