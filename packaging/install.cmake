# What is made while installing, because only then the prefix is known: units
# that name where the program really lies. Run by `cmake --install` and cpack.
set(root "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")
foreach(unit relevo.service relevo-runner.service relevo-runner.socket)
  file(READ ${RELEVO_PACKAGING}/${unit} text)
  string(REPLACE "/usr/bin/relevo" "${CMAKE_INSTALL_PREFIX}/bin/relevo" text "${text}")
  string(REPLACE "/usr/share/relevo" "${CMAKE_INSTALL_PREFIX}/share/relevo" text "${text}")
  file(WRITE ${root}/lib/systemd/system/${unit} "${text}")
  message(STATUS "Installing: ${root}/lib/systemd/system/${unit}")
endforeach()
