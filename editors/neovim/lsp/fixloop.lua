---@type vim.lsp.Config
return {
  cmd = { 'fixloop-lsp' },
  filetypes = { 'python' },
  root_markers = { 'pyproject.toml', 'pytest.ini', 'setup.cfg', 'setup.py', 'tox.ini', '.git' },
}
