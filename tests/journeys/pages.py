"""Pages of an app of somebody's, as they would write them; one is Google's old guide, word for word."""

GUIDE = """<!DOCTYPE html>
<html itemscope itemtype="http://schema.org/Article">
<head>
  <!-- BEGIN Pre-requisites -->
  <script src="{jquery}">
  </script>
  <script src="{gapi}" async defer>
  </script>
  <!-- END Pre-requisites -->
  <!-- Continuing the <head> section -->
  <script>
    function start() {{
      gapi.load('auth2', function() {{
        auth2 = gapi.auth2.init({{
          client_id: '{client_id}',
          // Scopes to request in addition to 'profile' and 'email'
          scope: 'https://www.googleapis.com/auth/calendar.events.readonly'
        }});
      }});
    }}
  </script>
</head>
<body>
<!-- Add where you want your sign-in button to render -->
<!-- Use an image that follows the branding guidelines in a real app -->
<button id="signinButton">Sign in with Google</button>
<script>
  $('#signinButton').click(function() {{
    // signInCallback defined in step 6.
    auth2.grantOfflineAccess().then(signInCallback);
  }});
</script>
<!-- Last part of BODY element in file index.html -->
<script>
function signInCallback(authResult) {{
  if (authResult['code']) {{

    // Hide the sign-in button now that the user is authorized, for example:
    $('#signinButton').attr('style', 'display: none');

    // Send the code to the server
    $.ajax({{
      type: 'POST',
      url: '/storeauthcode',
      // Always include an `X-Requested-With` header in every AJAX request,
      // to protect against CSRF attacks.
      headers: {{
        'X-Requested-With': 'XMLHttpRequest'
      }},
      contentType: 'application/octet-stream; charset=utf-8',
      success: function(result) {{
        // Handle or verify the server response.
        document.title = 'stored for ' + result.account.email;
      }},
      processData: false,
      data: authResult['code']
    }});
  }} else {{
    // There was an error.
  }}
}}
</script>
</body>
</html>
"""

# What the guide uses of jQuery, for machines without it.
JQUERY = """
window.$ = (selector) => {
  const element = document.querySelector(selector);
  return { click: (f) => element.addEventListener("click", f), attr: (n, v) => element.setAttribute(n, v) };
};
$.ajax = async ({ type, url, headers, contentType, data, success }) => {
  const all = { ...headers, "Content-Type": contentType, "Accept": "*/*" };
  const response = await fetch(url, { method: type, headers: all, body: data });
  if (response.ok) success(await response.json());
};
"""

AUTH2 = """<!DOCTYPE html>
<title>auth2</title>
<script src="{gapi}" async defer></script>
<button id="in">Sign in</button> <button id="more">More</button> <button id="out">Sign out</button>
<pre id="told"></pre>
<script>
  const tell = (what) => {{ document.getElementById("told").textContent = JSON.stringify(what); }};
  const button = (id, f) => document.getElementById(id).addEventListener("click", () => f().catch(tell));
  function start() {{
    gapi.load("client:auth2", {{ callback: async () => {{
      const auth = await gapi.auth2.init({{ client_id: "{client_id}" }});
      const told = [];
      auth.isSignedIn.listen((is) => told.push(is));
      button("in", async () => {{
        const user = await gapi.auth2.getAuthInstance().signIn();
        const profile = auth.currentUser.get().getBasicProfile();
        tell({{ email: profile.getEmail(), id: user.getId(), told }});
      }});
      button("more", async () => {{
        const scope = "https://www.googleapis.com/auth/drive.appdata";
        const before = auth.currentUser.get().hasGrantedScopes(scope);
        const answer = await auth.currentUser.get().grantOfflineAccess({{ scope }});
        tell({{ before, code: answer.code.slice(0, 2), keys: Object.keys(answer) }});
      }});
      button("out", async () => {{ await auth.signOut(); tell({{ signedIn: auth.isSignedIn.get() }}); }});
      document.title = "ready";
    }} }});
  }}
</script>
"""

POPUP = """<!DOCTYPE html>
<title>popup</title>
<button id="in">Sign in</button> <pre id="told"></pre>
<script type="module">
  import {{ Popup }} from "{popup}";
  const tell = (what) => {{ document.getElementById("told").textContent = JSON.stringify(what); }};
  const prepare = () => Popup.prepare({{ scopes: "calendar", gsi: "{gsi}" }});
  let popup = await prepare();
  document.getElementById("in").addEventListener("click", async () => {{
    try {{ tell(await popup.open()); }} catch (refused) {{ tell({{ error: refused.code }}); }}
    popup = await prepare();
    document.title = "again";
  }});
  document.title = "ready";
</script>
"""

# Prepared once for all clicks, as docs/clients.md shows.
PREPARED_ONCE = POPUP.replace("    popup = await prepare();\n", "")
