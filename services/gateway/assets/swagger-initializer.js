/** Opens Swagger UI on the platform's own contract. Nothing is loaded from anywhere else. */
window.addEventListener('load', () => {
  window.SwaggerUIBundle({
    url: '/openapi.json',
    dom_id: '#swagger-ui',
    deepLinking: true,
    displayRequestDuration: true,
    // The default asks a public server what it thinks of the document.
    validatorUrl: null,
  });
});
