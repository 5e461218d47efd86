/** Opens Swagger UI on the platform's own contract. Nothing is loaded from anywhere else. */
window.addEventListener('load', () => {
  const ui = window.SwaggerUIBundle({
    url: '/openapi.json',
    dom_id: '#swagger-ui',
    deepLinking: true,
    displayRequestDuration: true,
    // The default asks a public server what it thinks of the document.
    validatorUrl: null,
  });
  // Its own base64url throws in browsers: the Buffer that it brings along does not know the encoding.
  ui.getSystem().fn.jsonSchema202012.sampleEncoderAPI('base64url', base64url);
});

function base64url(text) {
  const binary = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte));
  return btoa(binary.join('')).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
